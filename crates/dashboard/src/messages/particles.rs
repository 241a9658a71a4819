//! Korean particles, which follow the last sound of what stands before them: 서버를, 볼륨을. Texts name both forms, as
//! `을(를)`; this picks the one that is right for the name that was put in.

/// The forms: as texts write them, after a consonant, after a vowel.
const PARTICLES: [(&str, &str, &str); 6] = [
    ("을(를)", "을", "를"),
    ("은(는)", "은", "는"),
    ("이(가)", "이", "가"),
    ("과(와)", "과", "와"),
    ("와(과)", "과", "와"),
    ("(으)로", "으로", "로"),
];

/// How a word ends when it is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    Vowel,
    /// ㄹ, which takes 로 as vowels do.
    Rieul,
    Consonant,
}

/// A text with its particles picked.
pub(super) fn pick(text: String) -> String {
    if !text.contains(')') {
        return text;
    }
    let mut whole = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some((at, particle)) = first(rest) {
        whole.push_str(&rest[..at]);
        let (both, after_consonant, after_vowel) = particle;
        whole.push_str(match (ending(&whole), both) {
            (Ending::Vowel, _) | (Ending::Rieul, "(으)로") => after_vowel,
            (Ending::Rieul | Ending::Consonant, _) => after_consonant,
        });
        rest = &rest[at + both.len()..];
    }
    whole.push_str(rest);
    whole
}

fn first(text: &str) -> Option<(usize, (&'static str, &'static str, &'static str))> {
    let found = PARTICLES
        .iter()
        .filter_map(|particle| Some((text.find(particle.0)?, *particle)));
    found.min_by_key(|(at, _)| *at)
}

/// How a text ends, quotation marks aside.
fn ending(text: &str) -> Ending {
    let text = text.trim_end_matches(|letter| "”’\"'」』)] ".contains(letter));
    match text.chars().next_back() {
        Some(last @ '가'..='힣') => match (last as u32 - '가' as u32) % 28 {
            0 => Ending::Vowel,
            8 => Ending::Rieul,
            _ => Ending::Consonant,
        },
        // 영 일 이 삼 사 오 육 칠 팔 구
        Some('1' | '7' | '8') => Ending::Rieul,
        Some('0' | '3' | '6') => Ending::Consonant,
        Some(last) if last.is_ascii_alphabetic() => {
            let start = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic()).len();
            ending_of_latin(&text[start..])
        }
        _ => Ending::Vowel,
    }
}

/// How a Latin word ends as Koreans say it: letter by letter (IP, VM), or as a word (web: 웹, disk: 디스크).
fn ending_of_latin(word: &str) -> Ending {
    if word.len() == 1 || word.bytes().all(|letter| letter.is_ascii_uppercase()) {
        return match word.as_bytes().last().map(u8::to_ascii_lowercase) {
            Some(b'l' | b'r') => Ending::Rieul,
            Some(b'm' | b'n') => Ending::Consonant,
            _ => Ending::Vowel,
        };
    }
    let word = word.to_ascii_lowercase();
    // An e at the end is not heard: file (파일), name (네임).
    let heard = match word.strip_suffix('e') {
        Some(stem) if stem.ends_with(['l', 'm', 'n']) => stem,
        _ => &word,
    };
    let is_vowel = |letter: Option<char>| letter.is_some_and(|letter| "aeiouy".contains(letter));
    let mut letters = heard.chars().rev();
    match (letters.next(), letters.next(), letters.next()) {
        (Some('l'), ..) => Ending::Rieul,
        (Some('m' | 'n'), ..) | (Some('g'), Some('n'), _) | (Some('k'), Some('c'), _) => Ending::Consonant,
        // After one short vowel it closes the syllable (net: 넷), else it has one of its own (disk: 디스크, boot: 부트).
        (Some('b' | 'p' | 't' | 'k' | 'c'), before, other) if is_vowel(before) && !is_vowel(other) => Ending::Consonant,
        _ => Ending::Vowel,
    }
}

#[cfg(test)]
mod tests {
    use super::pick;

    #[test]
    fn particles_follow_the_sound_before_them() {
        for (written, spoken) in [
            ("서버을(를) 삭제할까요?", "서버를 삭제할까요?"),
            ("볼륨을(를) 삭제할까요?", "볼륨을 삭제할까요?"),
            ("“관리망”은(는) 남습니다.", "“관리망”은 남습니다."),
            (
                "web-1이(가) router1(으)로 이어졌습니다",
                "web-1이 router1로 이어졌습니다",
            ),
            ("10.0.0.0/24과(와) 겹침", "10.0.0.0/24와 겹침"),
            ("서울(으)로, 부산(으)로, 제주(으)로", "서울로, 부산으로, 제주로"),
            ("web을(를) 할당", "web을 할당"),
            ("disk을(를), boot을(를), pack을(를)", "disk를, boot를, pack을"),
            ("router-walk을(를) 만들었습니다", "router-walk를 만들었습니다"),
            ("유동 IP을(를), VM을(를), URL을(를)", "유동 IP를, VM을, URL을"),
            ("image을(를), file을(를), name을(를)", "image를, file을, name을"),
            ("edge와(과) admin와(과)", "edge와 admin과"),
            ("을(를)", "를"),
            ("이미지(qcow2)", "이미지(qcow2)"),
        ] {
            assert_eq!(pick(written.to_owned()), spoken);
        }
    }
}
