//! The dependency rules of docs/ARCHITECTURE.md, held against the manifests, the sources and the resolved graph:
//! who may use whom, what the domain must not know, and which crates must never be linked.

use std::{
    collections::BTreeSet,
    env,
    error::Error,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

type Outcome = Result<(), Box<dyn Error>>;

/// Each crate of ours, and the crates of ours that it uses: no more and no fewer.
const EDGES: &[(&str, &[&str])] = &[
    ("licentia-types", &[]),
    ("licentia-crypto", &[]),
    ("licentia-entity", &["licentia-types"]),
    ("licentia-migration", &[]),
    ("licentia-domain", &["licentia-crypto", "licentia-entity", "licentia-types"]),
    ("licentia", &["licentia-domain", "licentia-migration", "licentia-types"]),
    (
        "licentia-bench",
        &["licentia", "licentia-crypto", "licentia-domain", "licentia-entity", "licentia-types"],
    ),
    (
        "licentia-faults",
        &[
            "licentia",
            "licentia-bench",
            "licentia-crypto",
            "licentia-domain",
            "licentia-entity",
            "licentia-types",
        ],
    ),
];

/// The tests may look into any crate, and need not.
const TESTS: &str = "licentia-tests";

/// The domain serves HTTP, gRPC and the command line, so it names none of them.
const NOT_IN_DOMAIN: &[&str] = &["actix", "tonic", "utoipa", "clap"];

/// aws-lc-rs is the one crypto provider.
const NEVER_LINKED: &[&str] = &["ring", "openssl", "openssl-sys", "native-tls", "rsa"];

#[test]
fn crates_use_only_the_crates_they_may() -> Outcome {
    let packages = packages()?;
    let ours: BTreeSet<&str> = packages.iter().map(name).collect();
    for package in packages.iter().filter(|package| name(package) != TESTS) {
        let name = name(package);
        let Some((_, may_use)) = EDGES.iter().find(|(of, _)| *of == name) else {
            return Err(format!("{name} is a new crate: say in this table which of ours it may use").into());
        };
        let uses: BTreeSet<&str> = normal_dependencies(package).filter(|used| ours.contains(used)).collect();
        let expected: BTreeSet<&str> = may_use.iter().copied().collect();
        assert_eq!(uses, expected, "crates of ours that {name} uses (left) and must use (right)");
    }
    Ok(())
}

#[test]
fn domain_knows_no_transport() -> Outcome {
    let packages = packages()?;
    let domain = packages.iter().find(|package| name(package) == "licentia-domain").ok_or("no domain")?;
    let found: Vec<&str> = normal_dependencies(domain)
        .filter(|used| {
            NOT_IN_DOMAIN.iter().any(|refused| used.strip_prefix(refused).is_some_and(is_end_of_word))
        })
        .collect();
    assert!(found.is_empty(), "domain/Cargo.toml declares {found:?}: transports belong to api");
    Ok(())
}

#[test]
fn api_holds_no_database_path() -> Outcome {
    let found = lines_naming("api/src", "sea_orm::")?;
    assert!(found.is_empty(), "api names SeaORM; queries belong to domain's stores:\n{}", found.join("\n"));
    Ok(())
}

/// What the compiler does not check is in one place, with its reasons; each other crate forbids it to itself.
#[test]
fn unsafe_code_is_in_one_module() -> Outcome {
    const MODULE: &str = "crypto/src/multi_buffer/library.rs";
    let keyword = concat!("un", "safe ");
    let crates = ["types", "entity", "migration", "domain", "api", "tests", "bench", "faults"];
    for folder in crates.map(|name| format!("{name}/src")).iter().chain(&["tests/tests".to_owned()]) {
        let found = lines_naming(folder, keyword)?;
        assert!(found.is_empty(), "it belongs to {MODULE}: {found:#?}");
    }
    let found = lines_naming("crypto/src", keyword)?;
    assert!(!found.is_empty() && found.iter().all(|line| line.contains(MODULE)), "{found:#?}");
    for root in ["lib.rs", "main.rs"] {
        for name in crates {
            let path = self::root()?.join(name).join("src").join(root);
            if path.exists() {
                let text = fs::read_to_string(&path)?;
                assert!(text.contains("#![forbid(unsafe_code)]"), "{}", path.display());
            }
        }
    }
    Ok(())
}

#[test]
fn migrations_never_name_the_entities() -> Outcome {
    let found = lines_naming("migration/src", "licentia_entity")?;
    let why = "a migration must stay true when the entities change";
    assert!(found.is_empty(), "{why}:\n{}", found.join("\n"));
    Ok(())
}

#[test]
fn server_links_one_crypto_provider() -> Outcome {
    let tree = cargo(&["tree", "--edges", "normal", "--package", "licentia", "--prefix", "none"])?;
    let linked: BTreeSet<&str> = tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(linked.contains("aws-lc-rs"), "cargo tree was not understood:\n{tree}");
    let found: Vec<_> = NEVER_LINKED.iter().filter(|refused| linked.contains(**refused)).collect();
    assert!(
        found.is_empty(),
        "the server links {found:?}; `cargo tree -p licentia -i NAME` says through whom"
    );
    Ok(())
}

/// The packages of the workspace, as `cargo metadata` declares them.
fn packages() -> Result<Vec<Value>, Box<dyn Error>> {
    let metadata: Value = serde_json::from_str(&cargo(&["metadata", "--no-deps", "--format-version", "1"])?)?;
    let packages =
        metadata.get("packages").and_then(Value::as_array).ok_or("cargo metadata names no packages")?;
    Ok(packages.clone())
}

fn name(value: &Value) -> &str {
    value.get("name").and_then(Value::as_str).unwrap_or_default()
}

/// Names that `package` declares under `[dependencies]`: neither for its tests nor for its build script.
fn normal_dependencies(package: &Value) -> impl Iterator<Item = &str> {
    let declared = package.get("dependencies").and_then(Value::as_array).into_iter().flatten();
    declared.filter(|dependency| dependency.get("kind").is_none_or(Value::is_null)).map(name)
}

fn is_end_of_word(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with('-')
}

/// Lines of the Rust sources under `folder` that hold `text` outside a comment, as `path:line: source`.
fn lines_naming(folder: &str, text: &str) -> Result<Vec<String>, Box<dyn Error>> {
    let mut found = Vec::new();
    let files = rust_files(&root()?.join(folder))?;
    if files.is_empty() {
        return Err(format!("{folder} holds no Rust file").into());
    }
    for path in files {
        for (at, line) in fs::read_to_string(&path)?.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            if code.contains(text) {
                found.push(format!("{}:{}: {}", path.display(), at + 1, line.trim()));
            }
        }
    }
    Ok(found)
}

fn rust_files(folder: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(rust_files(&path)?);
        } else if path.extension() == Some(OsStr::new("rs")) {
            files.push(path);
        }
    }
    Ok(files)
}

fn root() -> Result<&'static Path, Box<dyn Error>> {
    Ok(Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("tests/ has no parent")?)
}

/// What cargo prints for the workspace, from the lock file as it is and without the network.
fn cargo(arguments: &[&str]) -> Result<String, Box<dyn Error>> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output =
        Command::new(cargo).args(arguments).args(["--offline", "--locked"]).current_dir(root()?).output()?;
    if !output.status.success() {
        return Err(format!("cargo {arguments:?}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}
