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
    /// Not to be told from how it is written.
    Unknown,
}

/// A text with its particles picked; where the sound can't be told, both forms stay.
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
            (Ending::Unknown, _) => both,
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
    let mut letters = text.chars().rev().skip_while(|letter| "”’\"'」』)] ".contains(*letter));
    let Some(last) = letters.next() else {
        return Ending::Unknown;
    };
    match last {
        '가'..='힣' => match (last as u32 - '가' as u32) % 28 {
            0 => Ending::Vowel,
            8 => Ending::Rieul,
            _ => Ending::Consonant,
        },
        // 영 일 이 삼 사 오 육 칠 팔 구
        '1' | '7' | '8' => Ending::Rieul,
        '0' | '3' | '6' => Ending::Consonant,
        '2' | '4' | '5' | '9' => Ending::Vowel,
        'l' | 'L' => Ending::Rieul,
        'm' | 'n' | 'M' | 'N' => Ending::Consonant,
        'a' | 'e' | 'i' | 'o' | 'u' | 'y' | 'w' | 'd' | 's' | 'z' | 'x' | 'v' | 'f' | 'h' | 'j' | 'r' => Ending::Vowel,
        // "web" and "net" end in a consonant in Korean, "disk" and "host" in a vowel.
        _ => Ending::Unknown,
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
            ("web을(를) 할당", "web을(를) 할당"),
            ("edge와(과) admin와(과)", "edge와 admin과"),
            ("을(를)", "을(를)"),
            ("이미지(qcow2)", "이미지(qcow2)"),
        ] {
            assert_eq!(pick(written.to_owned()), spoken);
        }
    }
}
