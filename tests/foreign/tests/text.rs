//! Text and views: `bytes`, `smol_str`, `compact_str`, `url`, `http`, `regex`.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use end_to_end::judge::Judge;
use foreign::{parts, random};
use heap_walk::Walk;

#[global_allocator]
static ALLOC: tracking_alloc::TrackingAlloc = tracking_alloc::TrackingAlloc::new();

/// The parts of `value`: payload is as given, and nothing is untyped.
#[track_caller]
fn check_typed<T: Walk>(value: T, payload: usize) {
    let parts = parts(&value);
    assert_eq!((parts.payload, parts.untyped), (payload as u64, 0), "{parts:?}");
}

/// Text of a random length, often near 23 and 24.
fn text(number: u64) -> String {
    let len = if number.is_multiple_of(2) { number / 2 % 60 } else { 20 + number / 2 % 8 };
    (0..len).map(|at| char::from(b'a' + ((number >> 8) + at) as u8 % 26)).collect()
}

fn smol_str(judge: &mut Judge) {
    judge.check("SmolStr", || {
        let mut all: Vec<smol_str::SmolStr> = vec!["".into(), smol_str::SmolStr::new_static("static text")];
        for number in random(1).take(400) {
            let at = number as usize % all.len();
            match number >> 60 {
                0..8 => all.push(text(number).into()),
                8..12 => all.push(all[at].clone()),
                12..14 => drop(all.swap_remove(at)),
                14 => all.shrink_to_fit(),
                _ => all[at] = format!("{}{}", all[at], "\n     ").into(),
            }
            if all.is_empty() {
                all.push("again".into());
            }
        }
        all
    });
    judge.check("SmolStr 0.2", || {
        let text = smol_str_0_2::SmolStr::new("a text of more than 23 bytes");
        (text.clone(), text, smol_str_0_2::SmolStr::new("short"), smol_str_0_2::SmolStr::new_inline("inline"))
    });
    judge.check("SmolStrBuilder", || {
        let mut builder = smol_str::SmolStrBuilder::new();
        builder.push_str("a text of more than 23 bytes");
        builder
    });
    // Of three inline ones: length, text; the rest is spare. A fat pointer each for two more.
    let short: Vec<smol_str::SmolStr> = vec!["a".into(), "bcd".into(), "".into()];
    check_typed(short, 3 + 4);
    let long = "a text of more than 23 bytes";
    let others: Box<[smol_str::SmolStr]> = Box::new([long.into(), smol_str::SmolStr::new_static("static")]);
    check_typed(others, 32 + long.len());
}

macro_rules! compact_str {
    ($judge:ident, $krate:ident, $name:literal) => {
        $judge.check($name, || {
            use $krate::CompactString;
            let mut all: Vec<CompactString> = vec!["".into(), CompactString::const_new("a static text")];
            for number in random(2).take(400) {
                let at = number as usize % all.len();
                match number >> 60 {
                    0..4 => all.push(text(number).into()),
                    4..6 => all.push(CompactString::from_string_buffer(text(number))),
                    6..8 => all.push(all[at].clone()),
                    8 => drop(all.swap_remove(at)),
                    9 => all[at].shrink_to_fit(),
                    10 => all[at].clear(),
                    11 => all[at].reserve(number as usize % 100),
                    12 => drop(all[at].pop()),
                    _ => all[at].push_str(&text(number)),
                }
                if all.is_empty() {
                    all.push(CompactString::with_capacity(100));
                }
            }
            all
        });
        let inline = "x".repeat(24);
        let texts: Vec<$krate::CompactString> = vec!["a".into(), "bcd".into(), inline.into()];
        check_typed(texts, 2 + 4 + 24);
        check_typed(Box::new($krate::CompactString::from("a text of more than 24 bytes")), 24 + 28);
    };
}

fn url(judge: &mut Judge) {
    judge.check("Url", || {
        let mut all: Vec<url::Url> = Vec::new();
        for number in random(3).take(200) {
            let at = number as usize % all.len().max(1);
            let word = text(number);
            match number >> 61 {
                0 => all.push(url::Url::parse(&format!("https://{}.example/{word}", number % 100)).unwrap()),
                1 => all.push(url::Url::parse("http://[::1]:81/?q#f").unwrap()),
                2 => all.push(url::Url::parse("http://127.0.0.1").unwrap()),
                _ if all.is_empty() => all.push(url::Url::parse("data:text/plain,hello").unwrap()),
                3 => all[at].set_path(&word),
                4 => all[at].set_query(Some(&word).filter(|word| word.len() % 2 == 0).map(|word| &**word)),
                5 => all[at].set_fragment(Some(&word)),
                6 => all.push(all[at].clone()),
                _ => drop(all.swap_remove(at)),
            }
        }
        all
    });
    judge.check("Host and Origin", || {
        let urls = ["http://name.example/", "http://127.0.0.1", "http://[::1]", "data:text/plain,x"];
        let parsed = || urls.iter().map(|url| url::Url::parse(url).unwrap());
        let hosts: Vec<Option<url::Host<String>>> =
            parsed().map(|url| url.host().map(|host| host.to_owned())).collect();
        let origins: Vec<url::Origin> = parsed().map(|url| url.origin()).collect();
        (hosts, origins)
    });
    // A name: text, positions, and what tells that it is a name.
    let url = Box::new(url::Url::parse("https://name.example/path").unwrap());
    check_typed(url, 25 + 24 + 20 + 1 + (4 - 2) + 2 * (8 - 4));
    let url = Box::new(url::Url::parse("http://127.0.0.1:81/?q#f").unwrap());
    check_typed(url, 24 + 24 + 20 + 1 + 4 + 4 + 2 * 8);
}

fn regex(judge: &mut Judge) {
    judge.check("Regex", || {
        let regex = regex::Regex::new(r"(\w+)-(\d{2,5})[äöü]*").unwrap();
        assert!(regex.is_match("ab-123"));
        let set = regex::RegexSet::new(["a+", "b|c", "[^x]y"]).unwrap();
        let wrong = "(a".to_owned();
        let found =
            (regex.capture_locations(), set.matches("aab"), regex::Regex::new(&wrong).expect_err("open"));
        let builders = (regex::RegexBuilder::new("a+b"), regex::RegexSetBuilder::new(["a", "b"]));
        (regex.clone(), regex, set, regex::bytes::Regex::new("(?-u)\\xff+").unwrap(), found, builders)
    });
}

fn bytes(judge: &mut Judge) {
    judge.check("Bytes, not shared", || {
        let boxed = Bytes::from(b"hello".to_vec().into_boxed_slice());
        let mut advanced = Bytes::from(vec![7u8; 100].into_boxed_slice());
        advanced.advance(30);
        (boxed, Bytes::from_static(b"static"), Bytes::new(), advanced, Bytes::copy_from_slice(&[1; 1000]))
    });
    judge.check("BytesMut, not shared", || {
        let mut filled = BytesMut::with_capacity(100);
        filled.put_slice(b"some bytes");
        let mut cleared = BytesMut::from(&b"some bytes"[..]);
        cleared.clear();
        (filled, cleared, BytesMut::new(), BytesMut::zeroed(64))
    });
    judge.check("Bytes", || {
        let mut all: Vec<Bytes> = vec![Bytes::from_static(b"static")];
        let mut writers: Vec<BytesMut> = vec![BytesMut::with_capacity(64)];
        for number in random(4).take(600) {
            let (at, to) = (number as usize % all.len(), number as usize % writers.len());
            let cut = (number >> 32) as usize;
            match number >> 60 {
                0 => all.push(text(number).into_bytes().into()),
                1 => {
                    let mut vec = Vec::with_capacity(cut % 90);
                    vec.extend_from_slice(&text(number).as_bytes()[..4.min(text(number).len())]);
                    all.push(vec.into());
                }
                2 | 3 => all.push(all[at].clone()),
                4 => {
                    let cut = cut % (all[at].len() + 1);
                    let head = all[at].split_to(cut);
                    all.push(head);
                }
                5 => {
                    let cut = cut % (all[at].len() + 1);
                    let tail = all[at].slice(cut..);
                    all.push(tail);
                }
                6 => {
                    let cut = cut % (all[at].len() + 1);
                    all[at].advance(cut);
                }
                7 if all.len() > 1 => drop(all.swap_remove(at)),
                8 => writers[to].put_slice(text(number).as_bytes()),
                9 => {
                    let split = writers[to].split();
                    all.push(split.freeze());
                }
                10 => {
                    let cut = cut % (writers[to].len() + 1);
                    let head = writers[to].split_to(cut);
                    writers.push(head);
                }
                11 => {
                    let cut = cut % (writers[to].len() + 1);
                    writers[to].advance(cut);
                }
                12 => writers[to].reserve(cut % 200),
                13 => writers[to].clear(),
                14 if writers.len() > 1 => drop(writers.swap_remove(to)),
                _ => all[at].truncate(cut % 50),
            }
        }
        (all, writers)
    });
    judge.check("Bytes of an owner", || {
        let owned = Bytes::from_owner(vec![1u8; 50]);
        (owned.slice(3..9), owned)
    });
    judge.check("Bytes with counts, not shared", || {
        let mut roomy = Vec::with_capacity(100);
        roomy.extend_from_slice(b"some bytes");
        let mut writer = BytesMut::with_capacity(200);
        writer.put_slice(b"first second");
        let second = writer.split_off(6);
        drop(writer);
        (Bytes::from(roomy), second.freeze(), Bytes::from(vec![1u8; 50]).clone())
    });
    check_typed(Bytes::from(vec![1u8; 77]), 77);
    let mut writer = BytesMut::with_capacity(100);
    writer.put_slice(b"hello");
    let parts = parts(&writer);
    assert_eq!((parts.payload, parts.spare, parts.untyped), (5, 95, 0));
    // Two handles: counts of 24 bytes, and what neither shows.
    let whole = Bytes::from(vec![1u8; 80]);
    let two = (whole.slice(10..30), whole.slice(10..30));
    drop(whole);
    let parts = foreign::parts(&two);
    assert_eq!((parts.payload, parts.untyped), (20, 60 + 24));
}

macro_rules! http {
    ($judge:ident, $krate:ident, $names:expr) => {{
        use $krate::header::{HeaderMap, HeaderName, HeaderValue};
        let [map_name, cleared_name, rest_name, message_name]: [&'static str; 4] = $names;
        fn name(number: u64) -> HeaderName {
            match number % 5 {
                0 => $krate::header::ACCEPT,
                1 => $krate::header::CONTENT_TYPE,
                2 => HeaderName::from_static("x-static"),
                _ => format!("x-{}", number % 40).parse().unwrap(),
            }
        }
        fn value(number: u64) -> HeaderValue {
            match number % 3 {
                0 => HeaderValue::from_static("static"),
                _ => text(number).parse().unwrap(),
            }
        }
        $judge.check(map_name, || {
            let mut maps: Vec<HeaderMap<u64>> = Vec::new();
            let mut lists: Vec<HeaderMap<Vec<String>>> = Vec::new();
            for seed in 0..60 {
                let (mut map, mut lists_of) = (HeaderMap::default(), HeaderMap::default());
                for number in random(seed).take(seed as usize * 2) {
                    let key = [
                        $krate::header::ACCEPT,
                        $krate::header::HOST,
                        $krate::header::COOKIE,
                        $krate::header::DATE,
                        $krate::header::ETAG,
                        HeaderName::from_static("x-static"),
                    ][number as usize % 6]
                        .clone();
                    match number >> 61 {
                        0..3 => drop(map.insert(key.clone(), number)),
                        3..6 => drop(map.append(key.clone(), number)),
                        6 => drop(map.remove(&key)),
                        _ => map.reserve(number as usize % 30),
                    }
                    match number >> 61 {
                        0..3 => drop(lists_of.append(key, vec![text(number)])),
                        3..6 => drop(lists_of.insert(key, vec![text(number); 2])),
                        6 => drop(lists_of.remove(key)),
                        _ => lists_of = lists_of.clone(),
                    }
                }
                // Further values that are gone leave a block that nothing shows.
                if map.len() == map.keys_len() {
                    map =
                        map.into_iter().map(|(key, value)| (key.expect("one value a key"), value)).collect();
                }
                if lists_of.len() == lists_of.keys_len() {
                    lists_of = lists_of
                        .into_iter()
                        .map(|(key, value)| (key.expect("one value a key"), value))
                        .collect();
                }
                maps.push(map);
                lists.push(lists_of);
            }
            (maps, lists)
        });
        $judge.check(cleared_name, || {
            let mut cleared: HeaderMap<u8> = HeaderMap::with_capacity(20);
            cleared.insert("host", 1);
            cleared.clear();
            (cleared, HeaderMap::<HeaderValue>::with_capacity(3), HeaderMap::<()>::default())
        });
        $judge.check(rest_name, || {
            let mut map = HeaderMap::new();
            for number in random(5).take(100) {
                map.append(name(number), value(number));
            }
            let uris: Vec<$krate::Uri> =
                ["/", "/path?query", "http://host.example:80/a/b", "x-scheme://h/p", "*", "host:1"]
                    .iter()
                    .map(|uri| uri.parse().unwrap())
                    .collect();
            let parts = uris[2].clone().into_parts();
            (map, uris, parts)
        });
        let methods: Vec<$krate::Method> = ["GET", "SHORT", "A-METHOD-OF-A-LONG-NAME"]
            .iter()
            .map(|method| method.parse().unwrap())
            .collect();
        check_typed(methods.clone(), 8 + (8 + 1 + 5) + (8 + 16) + 23);
        $judge.check(message_name, || {
            let mut request = $krate::Request::builder()
                .method("A-METHOD-OF-A-LONG-NAME")
                .uri("http://host.example/")
                .header("host", "host.example")
                .body(vec![String::from("body")])
                .unwrap();
            request.extensions_mut().insert(String::from("extension"));
            let response = $krate::Response::builder().status(404).body(Some(Box::new(1u64))).unwrap();
            (request, response, $krate::Request::new(()).into_parts().0)
        });
        let mut map = HeaderMap::default();
        map.insert("host", 7u64);
        map.append("host", 8u64);
        let parts = parts(&map);
        assert_eq!(parts.untyped, 0, "{parts:?}");
        assert_eq!(parts.payload, 32 + 8 + 8, "{parts:?}");
        let mut map: HeaderMap = HeaderMap::new();
        map.insert("x-custom-name", "some text".parse().unwrap());
        check_typed(map, 32 + 13 + 33 + 9);
    }};
}

fn main() {
    let raw = [
        "SmolStrBuilder",
        "Bytes",
        "Bytes of an owner",
        "http",
        "messages",
        "http 0.2",
        "messages 0.2",
        "Regex",
    ];
    Judge::run("text", &raw, &[], |judge| {
        smol_str(judge);
        compact_str!(judge, compact_str, "CompactString");
        compact_str!(judge, compact_str_0_9, "CompactString 0.9");
        compact_str!(judge, compact_str_0_8, "CompactString 0.8");
        url(judge);
        bytes(judge);
        http!(judge, http, ["HeaderMap", "HeaderMap emptied", "http", "messages"]);
        http!(judge, http_0_2, ["HeaderMap 0.2", "HeaderMap 0.2 emptied", "http 0.2", "messages 0.2"]);
        regex(judge);
    });
}
