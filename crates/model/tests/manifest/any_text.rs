//! Whatever the text is: the reader answers, and every place that it names is inside the text.

use bascule_model::manifest::{Color, JsonPath, parse, resolve};
use bascule_model::units::{ByteSize, CpuShare, Duration, Percent};
use proptest::prelude::*;

fn answers(source: &str) {
    match parse(source, "bascule.toml") {
        Ok(manifest) => {
            for name in manifest.environments.keys() {
                let resolved =
                    resolve(&manifest, name.as_str(), &|name| Some(name.to_lowercase()), Some("A=1"));
                if let Err(diagnostics) = resolved {
                    assert!(!diagnostics.render(Color::Never).is_empty());
                }
            }
        }
        Err(diagnostics) => {
            assert!(diagnostics.iter().count() > 0);
            for diagnostic in diagnostics.iter() {
                assert!(source.get(diagnostic.span.clone()).is_some(), "{:?} of\n{source}", diagnostic.span);
            }
            assert!(!diagnostics.render(Color::Always).is_empty());
            assert_eq!(diagnostics.records().len(), diagnostics.iter().count());
        }
    }
}

/// Pieces of manifests, right and wrong, in any order.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "app = \"shop\"\n",
        "[services.web]\n",
        "[services.web.health]\n",
        "[[verify]]\n",
        "[rollout]\n",
        "[build]\n",
        "[environments.staging]\n",
        "[environments.staging.services.web]\n",
        "command = [\"./shop\", \"$PORT\", \"${X}\"]\n",
        "command = \"./shop ${\"\n",
        "port = 3000\n",
        "port = \"x\"\n",
        "instances = 2\n",
        "instances.web = 0\n",
        "env = { A = \"${B}\", B = \"${A}\" }\n",
        "env = 3\n",
        "path = \"/x\"\n",
        "hosts = [\"a.b\", \"a.b\", 3]\n",
        "name = \"ü\"\n",
        "get = \"/x\"\n",
        "expect = { status = 200 }\n",
        "bake = \"1m30s\"\n",
        "listen = \"127.0.0.1:8080\"\n",
        "env_file = \".env\"\n",
        "files = [\".\"]\n",
        "= 3\n",
        "x = \"\"\"ä\n",
        "\"\"\"\n",
        "{ [ \n",
        "# ö\n",
        "é = 'x'\n",
    ]);
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_answered(source in "\\PC*|(?s).{0,200}") {
        answers(&source);
    }

    #[test]
    fn any_pieces_are_answered(source in pieces()) {
        answers(&source);
    }

    #[test]
    fn any_bytes_of_a_right_manifest_cut_off_are_answered(at in 0_usize..2_600) {
        let everything = include_str!("../everything.toml");
        answers(&everything[..everything.floor_char_boundary(at)]);
    }

    #[test]
    fn a_duration_is_the_same_after_text(milliseconds in prop_oneof![any::<u64>(), 0_u64..200_000_000]) {
        let duration = Duration::from_milliseconds(milliseconds);
        prop_assert_eq!(duration.to_string().parse::<Duration>().unwrap(), duration);
    }

    #[test]
    fn a_size_is_the_same_after_text(bytes in prop_oneof![any::<u64>(), (0_u64..5_000).prop_map(|n| n << 20), (0_u64..5_000).prop_map(|n| n * 1_000)]) {
        let size = ByteSize::from_bytes(bytes);
        prop_assert_eq!(size.to_string().parse::<ByteSize>().unwrap(), size);
    }

    #[test]
    fn a_percentage_is_the_same_after_text(parts in 0_u32..=1_000_000) {
        let percent = Percent::from_parts_per_million(parts);
        prop_assert_eq!(percent.to_string().parse::<Percent>().unwrap(), percent);
    }

    #[test]
    fn a_share_of_cores_is_the_same_after_text(millicores in any::<u32>()) {
        let share = CpuShare::from_millicores(millicores);
        prop_assert_eq!(share.to_string().parse::<CpuShare>().unwrap(), share);
    }

    #[test]
    fn any_text_is_a_quantity_or_is_not(text in "\\PC{0,20}|[0-9.]{0,6}[a-zA-Z%]{0,3}") {
        if let Ok(duration) = text.parse::<Duration>() {
            prop_assert_eq!(duration.to_string().parse::<Duration>().unwrap(), duration);
        }
        if let Ok(size) = text.parse::<ByteSize>() {
            prop_assert_eq!(size.to_string().parse::<ByteSize>().unwrap(), size);
        }
        let _ = (text.parse::<Percent>(), text.parse::<CpuShare>());
    }

    #[test]
    fn any_text_is_a_json_path_or_is_not(text in "\\PC{0,12}|\\$[.\\[\\]a-z0-9\"'-]{0,12}") {
        if let Ok(path) = text.parse::<JsonPath>() {
            prop_assert_eq!(path.to_string(), text);
            let _ = path.select(&serde_json::json!({ "a": [1, { "b": null }] }));
        }
    }
}
