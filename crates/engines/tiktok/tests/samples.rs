//! Captions of other projects' tests, read by the code that reads transcripts: see
//! `samples/SOURCES.md`.

use sealwork_engine_tiktok::webvtt_text;

#[test]
fn captions_of_other_projects_give_the_text_that_is_spoken() {
    for (captions, text) in [
        (
            include_str!("samples/comments.vtt"),
            "- Ta en kopp varmt te. - Det är inte varmt. - Har en kopp te. - Det smakar som te. \
             - Ta en kopp",
        ),
        (
            include_str!("samples/cue_tags.vtt"),
            "When the moon hits your eye Like a big-a pizza pie That's amore",
        ),
        (include_str!("samples/styles.vtt"), "- Hello world."),
        (
            include_str!("samples/youtube_dl.vtt"),
            "yeah yeah what this will happen is I'm telling this will happen is I'm telling",
        ),
        (include_str!("samples/metadata_headers_multiline.vtt"), "Caption text #1 Caption text #2"),
        (include_str!("samples/wpt_ids.vtt"), "text1 text2 text3 text4 text5"),
        (include_str!("samples/wpt_arrows.vtt"), "text1 text2 text3 text4 text5 text6"),
        (include_str!("samples/wpt_timings_omitted_hours.vtt"), "text1 text2 text3"),
        (include_str!("samples/wpt_settings_multiple.vtt"), "text1 text2"),
        (include_str!("samples/wpt_regions_old.vtt"), "text1 text2"),
    ] {
        assert_eq!(webvtt_text(captions), text);
    }
}
