//! Inputs: made, but for the sources of the workspace's dependencies.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Small and always the same: a linear congruential generator, upper bits.
pub struct Random(pub u64);

impl Random {
    /// A number in `0..below`.
    pub fn below(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % below.max(1)
    }
}

/// A JSON document of about `bytes`: messages of users, as a service would return them.
pub fn json(bytes: usize) -> String {
    let mut random = Random(1);
    let mut text = String::from("{\"statuses\":[");
    for id in 0.. {
        if text.len() >= bytes {
            break;
        }
        let comma = if id == 0 { "" } else { "," };
        let words = (0..5 + random.below(30)).map(|_| format!("word{}", random.below(5000)));
        let message = words.collect::<Vec<_>>().join(" ");
        let (user, friends) = (random.below(100_000), random.below(2000));
        // Keys in order, as a map without an order of its own writes them.
        let _ = write!(
            text,
            "{comma}{{\"created_at\":\"Sun Aug 31 00:29:{:02} +0000 2014\",\"id\":{id},\"place\":null,\
             \"retweeted\":false,\"tags\":[{}],\"text\":\"{message}\",\"user\":{{\"friends_count\":{friends},\
             \"id\":{user},\"name\":\"user {user}\",\"url\":\"https://example.com/{user}\",\"verified\":true}}}}",
            id % 60,
            (0..random.below(6))
                .map(|tag| format!("{{\"at\":[{tag},{}],\"tag\":\"tag{tag}\"}}", tag + 5))
                .collect::<Vec<_>>()
                .join(","),
        );
    }
    text.push_str("]}");
    text
}

/// A shader module of so many functions, each of some forty statements.
pub fn shader(functions: usize) -> String {
    let mut random = Random(2);
    let mut text = String::from(
        "struct Light { position: vec3<f32>, power: f32, color: vec4<f32>, }\n\
         struct Scene { lights: array<Light, 16>, count: u32, time: f32, }\n\
         @group(0) @binding(0) var<uniform> scene: Scene;\n\
         @group(0) @binding(1) var<storage, read_write> result: array<vec4<f32>>;\n",
    );
    for function in 0..functions {
        let _ = writeln!(text, "fn shade_{function}(p: vec3<f32>, n: vec3<f32>, seed: u32) -> vec4<f32> {{");
        let _ = writeln!(text, "  var sum = vec4<f32>(0.0); var h = seed; let a0 = dot(p, n);");
        for at in 1..20 {
            let (x, y) = (random.below(at), random.below(100));
            let _ = writeln!(
                text,
                "  let a{at} = sin(a{x} * {y}.5 + f32(h % {}u)) * max(p.x, n.y) + length(p - n);",
                y + 1
            );
        }
        for _ in 0..3 {
            let (x, y) = (random.below(20), random.below(16));
            let _ = writeln!(
                text,
                "  for (var i = 0u; i < scene.count; i = i + 1u) {{\n    let light = scene.lights[(i + {y}u) % 16u];\n    \
                 let d = normalize(light.position - p);\n    if dot(d, n) > a{x} {{ sum = sum + light.color * light.power * dot(d, n); }}\n    \
                 else {{ h = (h ^ (h << 13u)) + i; continue; }}\n    switch h % 3u {{ case 0u: {{ sum.x = sum.y; }} case 1u: {{ sum.y = a{x}; }} default: {{ h = h + 1u; }} }}\n  }}"
            );
        }
        if function > 0 {
            let _ = writeln!(text, "  sum = sum + shade_{}(p * 0.5, n, h);", random.below(function));
        }
        let _ = writeln!(text, "  return sum * clamp(a19, 0.0, 1.0);\n}}");
    }
    let _ = writeln!(
        text,
        "@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) {{\n  \
         result[id.x] = shade_{}(vec3<f32>(id), vec3<f32>(0.0, 1.0, 0.0), id.x);\n}}",
        functions - 1
    );
    text
}

/// The Rust sources of all packages that the workspace at `root` depends on here: a path a line, a
/// blank line between packages.
pub fn sources(root: &Path) -> Result<String, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let said = std::process::Command::new("rustc").arg("-vV").output();
    let said = said.map_err(|error| format!("rustc cannot be run: {error}"))?.stdout;
    let said = String::from_utf8_lossy(&said);
    let host = said.lines().find_map(|line| line.strip_prefix("host: ")).ok_or("rustc tells no host")?;
    let output = std::process::Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--filter-platform", host, "--manifest-path"])
        .arg(root.join("Cargo.toml"))
        .output()
        .map_err(|error| format!("cargo metadata cannot be run: {error}"))?;
    let metadata: serde_json::Value =
        serde_json::from_slice(&output.stdout).map_err(|error| format!("cargo metadata: {error}"))?;
    let mut packages = BTreeMap::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let path = Path::new(package["manifest_path"].as_str().unwrap_or_default());
        if let Some(folder) = path.parent().filter(|_| !package["source"].is_null()) {
            let mut files = Vec::new();
            collect(&folder.join("src"), &mut files);
            files.sort();
            packages.insert(package["id"].as_str().unwrap_or_default(), files);
        }
    }
    let lines = |files: Vec<PathBuf>| -> String {
        files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join("\n")
    };
    Ok(packages.into_values().filter(|files| !files.is_empty()).map(lines).collect::<Vec<_>>().join("\n\n"))
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_module_is_valid_and_the_document_comes_back() {
        let module = naga::front::wgsl::parse_str(&shader(20)).expect("it can be parsed");
        let flags = naga::valid::ValidationFlags::all();
        naga::valid::Validator::new(flags, naga::valid::Capabilities::all())
            .validate(&module)
            .expect("valid");
        let text = json(100_000);
        let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(serde_json::to_string(&value).expect("a value"), text);
    }
}
