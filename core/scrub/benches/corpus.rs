//! Texts from a fixed seed: the same bytes on every machine.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The words of the prose: common ones, of which a few are in the list of BIP-39.
const WORDS: &str = "the of and to in is you that it he was for on are as with his they at be this have from or had \
    by hot but some what there we can out other were all your when up use word how said an each she which do their \
    time if will way about many then them would write like so these her long make thing see him two has look more \
    day could go come did my sound no most number who over know water than call first people may down side been now \
    find any new work part take get place made live where after back little only round man year came show every good \
    me give our under name very through just form much great think say help low line before turn cause same mean \
    differ move right boy old too does tell sentence set three want air well also play small end put home read hand \
    port large spell add even land here must big high such follow act why ask men change went light kind off need \
    house picture try us again animal point mother world near build self earth father";
const OTHER_WORDS: &str = "был время человек года который дело жизнь день рука раз работа слово место лицо друг глаз \
    вопрос дом сторона страна мир случай голова ребёнок сила конец вид система часть город 的 一是 在不了 有和人 这中大为 \
    上个国 我以要他 時來用們 生到作地 於出就分 対成会可 主発年動 工学要 größer für über schön Straße müssen können façade \
    naïve coöperate résumé señor niño état où déjà “quoted” ‘so’ — … 🎉 👍";
/// Set aside for examples.
const FINDINGS: &[&str] = &[
    "ann@example.com",
    "4111 1111 1111 1111",
    "GB29 NWBK 6016 1331 9268 19",
    "+44 20 7946 0958",
    "36 574 261 809",
];
/// About one in so many words is followed by a finding.
const FINDING_EVERY: u64 = 500;

/// Numbers by Marsaglia's xorshift.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, count: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % count
    }

    /// The first ones more often, as the words of a language are.
    fn pick<'t>(&mut self, from: &[&'t str]) -> &'t str {
        let count = from.len() as u64;
        from[(self.below(count) * self.below(count) / count) as usize]
    }
}

fn sentence(numbers: &mut Numbers, words: &[&str], text: &mut String) {
    for place in 0..5 + numbers.below(15) {
        text.push_str(if place == 0 { "" } else { " " });
        text.push_str(numbers.pick(words));
        if numbers.below(FINDING_EVERY) == 0 {
            text.push(' ');
            text.push_str(numbers.pick(FINDINGS));
        }
        if numbers.below(60) == 0 {
            text.push_str(&format!(" {}", numbers.below(3000)));
        }
    }
    text.push_str(if numbers.below(6) == 0 { ".\n" } else { ". " });
}

/// English prose in ASCII.
pub(crate) fn prose(bytes: usize) -> String {
    let words: Vec<_> = WORDS.split_whitespace().collect();
    let (mut numbers, mut text) = (Numbers(0x9E37_79B9), String::new());
    while text.len() < bytes {
        sentence(&mut numbers, &words, &mut text);
    }
    text
}

/// Prose in several scripts and as JSON escapes, and random bytes in base64: about a third each of Latin letters,
/// other scripts and base64.
pub(crate) fn mixed(bytes: usize) -> String {
    let words: Vec<_> = WORDS.split_whitespace().collect();
    let others: Vec<_> = OTHER_WORDS.split_whitespace().collect();
    let (mut numbers, mut text) = (Numbers(0x7F4A_7C15), String::new());
    while text.len() < bytes {
        match numbers.below(8) {
            0..3 => sentence(&mut numbers, &words, &mut text),
            3..6 => sentence(&mut numbers, &others, &mut text),
            6 => {
                let mut quoted = String::new();
                sentence(&mut numbers, &words, &mut quoted);
                text.push_str(&format!("{{\\\"said\\\":\\\"{}\\\"}}\\n", quoted.trim_end()));
            }
            _ => {
                let blob: Vec<u8> = (0..60 + numbers.below(300)).map(|_| numbers.below(256) as u8).collect();
                text.push_str(&STANDARD.encode(blob));
                text.push('\n');
            }
        }
    }
    text
}
