//! What the command line prints, word for word: help, usage errors, refusals.

#[test]
fn the_command_line_prints_what_is_written_down() {
    trycmd::TestCases::new().case("tests/golden/*.md");
}
