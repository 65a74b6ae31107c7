//! The difference of two texts, line by line, as people know it from version control.

/// Lines around a change.
const CONTEXT: usize = 3;
/// Above so many pairs of lines, what differs is shown as a whole.
const MOST: usize = 4_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line<'a> {
    Same(&'a str),
    Gone(&'a str),
    Came(&'a str),
}

/// From one text to the other as a unified diff; empty where they are the same.
#[must_use]
pub fn unified(from: &str, to: &str, from_name: &str, to_name: &str) -> String {
    let (from, to): (Vec<&str>, Vec<&str>) = (from.lines().collect(), to.lines().collect());
    let lines = compare(&from, &to);
    if lines.iter().all(|line| matches!(line, Line::Same(_))) {
        return String::new();
    }
    let mut text = format!("--- {from_name}\n+++ {to_name}\n");
    for (start, end) in hunks(&lines) {
        let before = |wanted: fn(&Line<'_>) -> bool, upto: usize| {
            lines.iter().take(upto).filter(|line| wanted(line)).count()
        };
        let in_from: fn(&Line<'_>) -> bool = |line| !matches!(line, Line::Came(_));
        let in_to: fn(&Line<'_>) -> bool = |line| !matches!(line, Line::Gone(_));
        let range = |wanted| {
            let (first, count) = (before(wanted, start), before(wanted, end) - before(wanted, start));
            // An empty range stands behind the line before it.
            format!("{},{count}", if count == 0 { first } else { first + 1 })
        };
        text.push_str(&format!("@@ -{} +{} @@\n", range(in_from), range(in_to)));
        for line in lines.iter().take(end).skip(start) {
            let (sign, line) = match line {
                Line::Same(line) => (' ', line),
                Line::Gone(line) => ('-', line),
                Line::Came(line) => ('+', line),
            };
            text.push(sign);
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

/// Where changes are, with the lines around them.
fn hunks(lines: &[Line<'_>]) -> Vec<(usize, usize)> {
    let mut hunks: Vec<(usize, usize)> = vec![];
    for (at, line) in lines.iter().enumerate() {
        if matches!(line, Line::Same(_)) {
            continue;
        }
        let (start, end) = (at.saturating_sub(CONTEXT), (at + CONTEXT + 1).min(lines.len()));
        match hunks.last_mut() {
            Some(last) if start <= last.1 => last.1 = end,
            _ => hunks.push((start, end)),
        }
    }
    hunks
}

/// The longest common sequence of lines, what is the same at both ends set aside.
fn compare<'a>(from: &[&'a str], to: &[&'a str]) -> Vec<Line<'a>> {
    let head = from.iter().zip(to).take_while(|(one, other)| one == other).count();
    let (old, new) = (&from[head..], &to[head..]);
    let tail = old.iter().rev().zip(new.iter().rev()).take_while(|(one, other)| one == other).count();
    let (old, new) = (&old[..old.len() - tail], &new[..new.len() - tail]);
    let mut lines: Vec<_> = from[..head].iter().map(|line| Line::Same(line)).collect();
    if old.len() * new.len() > MOST {
        lines.extend(old.iter().map(|line| Line::Gone(line)));
        lines.extend(new.iter().map(|line| Line::Came(line)));
    } else {
        lines.extend(middle(old, new));
    }
    lines.extend(from[from.len() - tail..].iter().map(|line| Line::Same(line)));
    lines
}

fn middle<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<Line<'a>> {
    let width = new.len() + 1;
    // How many lines are common from here on.
    let mut common = vec![0_u32; (old.len() + 1) * width];
    for at in (0..old.len()).rev() {
        for to in (0..new.len()).rev() {
            common[at * width + to] = if old[at] == new[to] {
                common[(at + 1) * width + to + 1] + 1
            } else {
                common[(at + 1) * width + to].max(common[at * width + to + 1])
            };
        }
    }
    let (mut at, mut to) = (0, 0);
    let mut lines = vec![];
    while at < old.len() || to < new.len() {
        let gone = at < old.len();
        let came = to < new.len();
        if gone && came && old[at] == new[to] {
            lines.push(Line::Same(old[at]));
            (at, to) = (at + 1, to + 1);
        } else if gone && (!came || common[(at + 1) * width + to] >= common[at * width + to + 1]) {
            lines.push(Line::Gone(old[at]));
            at += 1;
        } else {
            lines.push(Line::Came(new[to]));
            to += 1;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_change_is_shown_with_what_is_around_it() {
        let from = "a\nb\nc\nd\ne\nf\ng\nh\n";
        let to = "a\nb\nc\nd\nE\nf\ng\nh\nnew\n";
        assert_eq!(
            unified(from, to, "applied", "1_x.sql"),
            "--- applied\n+++ 1_x.sql\n@@ -2,7 +2,8 @@\n b\n c\n d\n-e\n+E\n f\n g\n h\n+new\n"
        );
        assert_eq!(unified(from, from, "a", "b"), "");
        assert_eq!(unified("", "x\n", "a", "b"), "--- a\n+++ b\n@@ -0,0 +1,1 @@\n+x\n");
    }

    proptest! {
        #[test]
        fn both_texts_are_in_the_difference(from in "[ab\n]{0,30}", to in "[ab\n]{0,30}") {
            let (old, new): (Vec<&str>, Vec<&str>) = (from.lines().collect(), to.lines().collect());
            let lines = compare(&old, &new);
            let kept = |skip: fn(&Line<'_>) -> bool| {
                lines.iter().filter(|line| !skip(line)).map(|line| match line {
                    Line::Same(line) | Line::Gone(line) | Line::Came(line) => *line,
                }).collect::<Vec<_>>()
            };
            prop_assert_eq!(kept(|line| matches!(line, Line::Came(_))), old);
            prop_assert_eq!(kept(|line| matches!(line, Line::Gone(_))), new);
        }
    }
}
