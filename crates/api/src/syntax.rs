//! Errors about a text that is not valid YAML.

use granit_parser::{ErrorKind, ScanError};

use crate::fault::Fault;
use crate::position::Position;

/// Deepest nesting; a SigningJob needs 13 levels.
pub(crate) const MAX_DEPTH: usize = 64;

pub(crate) const TOO_DEEP: &str = "nested too deeply: a SigningJob never needs more than 64 levels";
const _: () = assert!(MAX_DEPTH == 64);

const TAB: &str = "not valid YAML: a tab is used for indentation; use spaces";
const INDENTATION: &str = "not valid YAML: the indentation of this line fits no line above it";
const COLON: &str = "not valid YAML: a second `: ` in this line; put the value in quotes, or begin a new line";

/// The fault behind a parser's error.
pub(crate) fn fault(error: &ScanError, position: Position, text: &str) -> Fault {
    // The parser often reports a consequence of a tab, not the tab.
    if let Some(tab) = tab_before(position, text) {
        return Fault::new(tab, TAB);
    }
    let sentence = match error.kind() {
        ErrorKind::RecursionLimitExceeded => TOO_DEEP.to_owned(),
        ErrorKind::TabNotAllowed | ErrorKind::TabInBlockIndentation | ErrorKind::TabInIndentation => TAB.to_owned(),
        ErrorKind::InvalidIndentation
        | ErrorKind::ExpectedBlockMappingKey
        | ErrorKind::ExpectedBlockSequenceEntry
        | ErrorKind::BlockSequenceEntryNotAllowed
        | ErrorKind::MappingKeyNotAllowed => INDENTATION.to_owned(),
        ErrorKind::MappingValueNotAllowed => COLON.to_owned(),
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey => {
            "not valid YAML: a `:` and a space are missing after the field's name".to_owned()
        }
        ErrorKind::UnclosedFlowCollection { open } => {
            format!("not valid YAML: the bracket {open} is never closed")
        }
        ErrorKind::MismatchedFlowCollectionEnd { open, close } => {
            format!("not valid YAML: the bracket {open} is closed by {close}")
        }
        ErrorKind::MisplacedFlowCollectionEnd => "not valid YAML: this bracket was never opened".to_owned(),
        ErrorKind::ExpectedFlowMappingSeparator => "not valid YAML: a `,` or `}` is missing".to_owned(),
        ErrorKind::ExpectedFlowSequenceSeparator => "not valid YAML: a `,` or `]` is missing".to_owned(),
        ErrorKind::UnclosedQuotedScalar => "not valid YAML: the quote that begins here is never closed".to_owned(),
        ErrorKind::InvalidTrailingSingleQuotedScalar | ErrorKind::InvalidTrailingDoubleQuotedScalar => {
            "not valid YAML: there is more text after the closing quote".to_owned()
        }
        ErrorKind::UnexpectedCharacter { character } => {
            format!("not valid YAML: a value cannot begin with {}; put it in quotes", character.escape_debug())
        }
        ErrorKind::UnknownAnchor => "no anchor of this alias is defined before it".to_owned(),
        kind => format!("not valid YAML: {kind}"),
    };
    Fault::new(position, sentence)
}

/// A tab that indents the line of an error, or the one before it.
fn tab_before(position: Position, text: &str) -> Option<Position> {
    let first = position.line.saturating_sub(2);
    text.lines().enumerate().skip(first).take(2).filter(|(index, _)| *index < position.line).find_map(
        |(index, line)| {
            let indentation = &line[..line.len() - line.trim_start_matches([' ', '\t']).len()];
            indentation.find('\t').map(|column| Position { line: index + 1, column: column + 1 })
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tab_is_found_in_the_indentation_of_the_line_and_of_the_one_before() {
        let text = "a:\n  \tb: 1\nc: 1\td\n";
        let at = |line| tab_before(Position { line, column: 1 }, text).map(|tab| tab.to_string());
        assert_eq!([at(1), at(2), at(3), at(4)], [None, Some("2:3".to_owned()), Some("2:3".to_owned()), None]);
    }
}
