//! Words for bash.

use crate::error::{Error, Result};

/// A word that bash reads as exactly this text, whatever is in it: quotes, blanks, `$`, newlines.
pub fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./=:,+@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_string();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A text with names of variables in it, `$NAME` or `${NAME}`, as a word in which bash fills in these and nothing else.
///
/// # Errors
/// Of kind `Usage`, naming the `option`, if a `$` stands before anything else.
pub fn with_variables(text: &str, option: &str) -> Result<String> {
    let mut parts = text.split('$');
    let mut word = parts.next().filter(|first| !first.is_empty()).map(quoted).unwrap_or_default();
    for part in parts {
        let (name, rest) = match part.strip_prefix('{') {
            Some(inside) => inside.split_once('}').unwrap_or(("", "")),
            None => part.split_at(part.find(|c: char| !is_of_name(c)).unwrap_or(part.len())),
        };
        if name.is_empty() || !name.chars().all(is_of_name) || name.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(Error::usage(format!("{option} {text}: a $ stands before no name of a variable"))
                .remedy("write $NAME or ${NAME}"));
        }
        word.push_str(&format!("\"${{{name}}}\""));
        if !rest.is_empty() {
            word.push_str(&quoted(rest));
        }
    }
    Ok(word)
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // A test may panic.
mod tests {
    use super::*;
    use std::process::Command;

    /// What bash makes of words.
    fn read_by_bash(words: &str) -> String {
        let script = format!("A=1; B_2='x y'; printf '%s|' {words}");
        let output = Command::new("bash").args(["-uc", &script]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    fn bash_reads_what_was_meant() {
        let texts = ["", "a b", "it's", "\"$HOME\" `id` $(id)", "a\nb", "~/*?[x]{a,b}", "-n", "#x", "a\\", "é!", "''"];
        for text in texts {
            assert_eq!(read_by_bash(&quoted(text)), format!("{text}|"));
        }
        assert_eq!(quoted("/a/b-c_1.fits"), "/a/b-c_1.fits");
    }

    #[test]
    fn variables_are_filled_in_and_nothing_else() {
        let texts = [("/l/$A", "/l/1|"), ("$B_2/a b", "x y/a b|"), ("${A}$A'`id`", "11'`id`|"), ("/plain", "/plain|")];
        for (text, read) in texts {
            assert_eq!(read_by_bash(&with_variables(text, "--x").unwrap()), read);
        }
        for text in ["$", "$(id)", "${A", "${}", "a$-", "$1", "${A:-x}"] {
            assert!(with_variables(text, "--x").is_err(), "{text}");
        }
    }
}
