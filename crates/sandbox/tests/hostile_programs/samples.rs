//! Reads a file of samples: a line `MARK name | end or end | setting=value`, then the text.

/// One sample as it is written.
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) ends: Vec<String>,
    pub(crate) fuel: Option<u64>,
    pub(crate) text: String,
}

/// All samples of a file. The family is put before each name.
pub(crate) fn read(family: &str, mark: &str, file: &str) -> Vec<Sample> {
    let mut samples: Vec<Sample> = Vec::new();
    for line in file.lines() {
        if let Some(head) = line.strip_prefix(mark) {
            let mut parts = head.split(" | ").map(str::trim);
            let name = format!("{family}: {}", parts.next().expect("a name"));
            let ends = parts.next().unwrap_or_else(|| panic!("{name} has no end"));
            let fuel = parts.next().and_then(|setting| setting.strip_prefix("fuel="));
            samples.push(Sample {
                name,
                ends: ends.split(" or ").map(str::to_owned).collect(),
                fuel: fuel.map(|fuel| fuel.parse().expect("a number")),
                text: String::new(),
            });
        } else if let Some(sample) = samples.last_mut() {
            sample.text.push_str(line);
            sample.text.push('\n');
        }
    }
    samples
}
