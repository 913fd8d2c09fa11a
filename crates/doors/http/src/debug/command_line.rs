/// The command line as `/debug/pprof/cmdline` shows it: the program and its command as they are,
/// of flags their names; values could be secret and are replaced by `…`. Parts end with NUL, as
/// `go tool pprof` expects, except the last.
pub fn redact<S: AsRef<str>>(arguments: impl IntoIterator<Item = S>) -> String {
    let mut shown: Vec<String> = Vec::new();
    let (mut command, mut after_flag) = (false, false);
    for (index, argument) in arguments.into_iter().enumerate() {
        let argument = argument.as_ref();
        let flag = argument.starts_with('-');
        let plain_word = argument.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
        shown.push(if index == 0 {
            argument.rsplit('/').next().unwrap_or_default().to_owned()
        } else if flag {
            match argument.split_once('=') {
                Some((name, _)) => format!("{name}=…"),
                None => argument.to_owned(),
            }
        } else if !command && !after_flag && plain_word {
            command = true;
            argument.to_owned()
        } else {
            "…".to_owned()
        });
        after_flag = flag && !argument.contains('=');
    }
    shown.join("\0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_hidden_and_the_command_and_the_flags_stay() {
        let line = ["/usr/bin/sealwork", "serve", "--api-key", "s3cret", "--listen=:80", "s3cret"];
        assert_eq!(redact(line), "sealwork\0serve\0--api-key\0…\0--listen=…\0…");
        assert_eq!(
            redact(["sealwork", "--api-key", "secret", "serve"]),
            "sealwork\0--api-key\0…\0serve"
        );
        assert_eq!(redact(Vec::<String>::new()), "");
    }
}
