//! Where settings come from, and which are refused.

use super::*;
use crate::config::{Environment, LogFormat, database::Kind, keys, layers};

#[test]
fn development_needs_nothing() {
    let config = load(&[]).unwrap();
    assert_eq!(config.environment, Environment::Development);
    assert_eq!(config.check(), []);
    assert_eq!(config.issuer(config.server.bind), "http://127.0.0.1:8080");
    assert_eq!(*config.database.url.kind(), Kind::Sqlite { path: "licentia.db".into() });
    assert_eq!(config.server.workers, None);
    assert_eq!(config.tokens.token_ttl, 172_800);
    assert_eq!(config.log.format, LogFormat::Auto);
}

#[test]
fn the_file_goes_before_the_defaults_and_variables_before_the_file() {
    let folder = Folder::new();
    let text = "[tokens]\nbackdate_seconds = 10\nexpiry_grace = 20\n[server]\nworkers = 2\n";
    let file = folder.write("own.toml", text);
    let env = variables(&["LICENTIA__TOKENS__EXPIRY_GRACE=30", "LICENTIA__LIMITS__ENABLED=false"]);
    let config = Config::load_in(folder.path(), Some(&file), env).unwrap();
    assert_eq!(config.tokens.backdate_seconds, 10);
    assert_eq!(config.tokens.expiry_grace, 30);
    assert_eq!(config.tokens.offline_grace, 604_800);
    assert_eq!(config.server.workers.unwrap().get(), 2);
    assert!(!config.limits.enabled);
}

#[test]
fn the_named_file_goes_before_the_variable_and_the_working_directory() {
    let folder = Folder::new();
    let grace = |seconds: u32| format!("[tokens]\nexpiry_grace = {seconds}\n");
    folder.write("licentia.toml", &grace(1));
    let by_variable = folder.write("variable.toml", &grace(2));
    let by_argument = folder.write("argument.toml", &grace(3));
    let variable = variables(&[&format!("LICENTIA_CONFIG={}", by_variable.display())]);
    let expiry_grace = |file: Option<&Path>, env: Vec<(String, String)>| {
        Config::load_in(folder.path(), file, env).unwrap().tokens.expiry_grace
    };
    assert_eq!(expiry_grace(None, Vec::new()), 1);
    assert_eq!(expiry_grace(None, variable.clone()), 2);
    assert_eq!(expiry_grace(Some(&by_argument), variable), 3);
}

#[test]
fn a_named_file_must_be_there() {
    let refused = Config::load(Some(Path::new("missing.toml")), []).unwrap_err().to_string();
    assert!(refused.starts_with("the configuration file `missing.toml` cannot be read: "), "{refused}");
}

#[test]
fn a_broken_file_is_refused_without_quoting_it() {
    let refused = load_file("[database]\nurl = \"postgres://app:canary@db/l\n").unwrap_err().to_string();
    assert!(refused.contains("own.toml` is not TOML: ") && refused.contains("line 2"), "{refused}");
    assert!(!refused.contains("canary"), "{refused}");
}

#[test]
fn unknown_keys_are_named_with_their_place_all_at_once() {
    let text = "enviroment = \"production\"\n[server]\nbnid = \"[::]:80\"\ngzip = true\n[colour]\n";
    let refused = load_file(text).unwrap_err();
    let ConfigError::UnknownKeys(keys) = &refused else { panic!("{refused}") };
    let told: Vec<_> = keys.iter().map(|one| (one.key.as_str(), one.hint.as_deref())).collect();
    assert_eq!(
        told,
        [
            ("colour", None),
            ("enviroment", Some("did you mean `environment`?")),
            ("server.bnid", Some("did you mean `server.bind`?")),
            ("server.gzip", None),
        ]
    );
    assert!(refused.to_string().contains("\n  - `server.gzip` in the file `"), "{refused}");
}

#[test]
fn unknown_variables_are_named_as_variables() {
    for (variable, told) in [
        (
            "LICENTIA__SERVER__BNID=x",
            "`server.bnid` in the environment variable `LICENTIA__SERVER__BNID`: did you mean `LICENTIA__SERVER__BIND`?",
        ),
        ("LICENTIA__SERVER_BIND=x", "did you mean `LICENTIA__SERVER__BIND`?"),
        (
            "LICENTIA__DATABASE=postgres://app:canary@db/l",
            "set a key in it, such as `LICENTIA__DATABASE__URL`",
        ),
        ("LICENTIA__SERVER__BIND__X=x", "did you mean `LICENTIA__SERVER__BIND`?"),
        ("LICENTIA__=x", "`` in the environment variable `LICENTIA__`"),
    ] {
        let refused = load(&[variable]).unwrap_err().to_string();
        assert!(refused.contains(told), "{refused}");
        assert!(!refused.contains("canary"), "{refused}");
    }
}

#[test]
fn variables_without_the_double_underscore_are_not_ours() {
    load(&["LICENTIA_SERVER_BIND=x", "LICENTIA_HOME=/srv", "LICENTIA=1", "SERVER__BIND=x"]).unwrap();
}

#[test]
fn an_empty_variable_is_refused() {
    let refused = load(&["LICENTIA__DATABASE__URL="]).unwrap_err().to_string();
    assert_eq!(
        refused,
        "the environment variable `LICENTIA__DATABASE__URL` is empty; give it a value, or unset it"
    );
}

#[test]
fn secrets_that_look_like_numbers_keep_their_text() {
    use secrecy::ExposeSecret;
    for text in ["12345", "0012345", "1e5", "TRUE", "3.10"] {
        let config = load(&[&format!("LICENTIA__ENCRYPTION__KEY={text}")]).unwrap();
        assert_eq!(config.encryption.key.unwrap().expose_secret(), text);
    }
}

#[test]
fn values_that_do_not_fit_are_named_with_their_place() {
    for (variable, told) in [
        ("LICENTIA__TOKENS__TOKEN_TTL=2d", "must be a whole number"),
        ("LICENTIA__TOKENS__TOKEN_TTL=2.5", "must be a whole number"),
        ("LICENTIA__TOKENS__TOKEN_TTL=true", "must be a whole number"),
        ("LICENTIA__TOKENS__TOKEN_TTL=5000000000", "unsigned 32 bit"),
        ("LICENTIA__TOKENS__TOKEN_TTL=-1", "must be a whole number"),
        ("LICENTIA__LIMITS__ENABLED=1", "must be `true` or `false`"),
        ("LICENTIA__SERVER__BIND=localhost", "invalid socket address syntax"),
        ("LICENTIA__SERVER__WORKERS=0", "nonzero"),
        ("LICENTIA__SERVER__CORS_ORIGINS=*", "is a list of origins"),
        ("LICENTIA__SERVER__BODY_TIMEOUT_SECONDS=0", "nonzero"),
        ("LICENTIA__SERVER__PUBLIC_URL=12345", "is not a URL such as https://licenses.example.com"),
        ("LICENTIA__DATABASE__URL=12345", "must begin with sqlite:// or postgres://"),
        ("LICENTIA__DATABASE__URL=sqlite::memory:", "names a SQLite database in memory"),
        ("LICENTIA__ENVIRONMENT=prod", "is either \"development\" or \"production\""),
        ("LICENTIA__PORTAL__REGISTRATION=closed", "is \"open\", \"invited\" or \"off\""),
        ("LICENTIA__LOG__FORMAT=xml", "is one of \"auto\", \"pretty\" and \"json\""),
        ("LICENTIA__LOG__FILTER=inof", "for a module write `inof=trace`"),
    ] {
        let refused = load(&[variable]).unwrap_err().to_string();
        let name = variable.split('=').next().unwrap();
        assert!(refused.contains(&format!("from the environment variable `{name}`, ")), "{refused}");
        assert!(refused.contains(told), "{refused}");
    }
}

#[test]
fn values_of_a_file_have_the_type_of_their_default() {
    for (text, told) in [
        ("[database]\nreaders = 2.7", "`database.readers`"),
        ("[database]\nreaders = true", "must be a whole number"),
        ("[database]\nurl = [\"canary\"]", "must be a single value"),
        ("[limits]\nenabled = 1", "must be `true` or `false`"),
        ("server = 1", "this is a section; set a key in it, such as `server.bind`"),
    ] {
        let refused = load_file(text).unwrap_err().to_string();
        assert!(refused.contains(told) && !refused.contains("canary"), "{refused}");
    }
}

#[test]
fn values_out_of_range_are_refused_together() {
    let refused = load(&[
        "LICENTIA__SERVER__ADMIN_BIND=127.0.0.1:8080",
        "LICENTIA__SERVER__TLS_KEY_FILE=/nowhere/tls.key",
        "LICENTIA__SERVER__HEADER_TIMEOUT_SECONDS=601",
        "LICENTIA__SERVER__BODY_TIMEOUT_SECONDS=601",
        "LICENTIA__TOKENS__BACKDATE_SECONDS=301",
        "LICENTIA__TOKENS__TOKEN_TTL=100000",
        "LICENTIA__TOKENS__OFFLINE_GRACE=315360001",
        "LICENTIA__TOKENS__LEASE=2",
        "LICENTIA__TOKENS__DEFAULT_MAX_ACTIVATIONS=10000001",
        "LICENTIA__SIGNING_KEYS__BITS=1024",
        "LICENTIA__SIGNING_KEYS__ROTATION_DAYS=3651",
        "LICENTIA__SIGNING_KEYS__DOCUMENT_ROTATION_DAYS=9999",
        "LICENTIA__RETENTION__SYSTEM_EVENTS_DAYS=3651",
        "LICENTIA__RETENTION__USAGE_DAYS=3651",
        "LICENTIA__IMPORTS__MAX_UPLOAD_MB=10241",
        "LICENTIA__DISCOVERY__MAX_AGE_SECONDS=86401",
        "LICENTIA__ENVIRONMENT=production",
    ])
    .unwrap_err();
    let ConfigError::Refused(findings) = &refused else { panic!("{refused}") };
    let keys: Vec<_> = findings.iter().map(|finding| finding.key).collect();
    assert_eq!(
        keys,
        [
            "server.admin_bind",
            "server.tls_certificate_file",
            "server.header_timeout_seconds",
            "server.body_timeout_seconds",
            "tokens.lease",
            "tokens.backdate_seconds",
            "tokens.offline_grace",
            "tokens.token_ttl",
            "tokens.default_max_activations",
            "signing_keys.bits",
            "signing_keys.rotation_days",
            "signing_keys.document_rotation_days",
            "retention.system_events_days",
            "retention.usage_days",
            "imports.max_upload_mb",
            "discovery.max_age_seconds",
            "server.public_url",
            "encryption.key",
        ]
    );
    assert!(refused.to_string().contains("To mend it: set 2048, 3072 or 4096."));
}

#[test]
fn the_defaults_show_every_key() {
    let mut section = "";
    let mut shown = Vec::new();
    for line in layers::DEFAULTS.lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
        }
        let setting = line.strip_prefix("# ").unwrap_or(line).split_once(" = ");
        if let Some((key, _)) = setting.filter(|(key, _)| !key.contains(' ')) {
            shown.push(if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") });
        }
    }
    assert_eq!(shown, keys::known());
}

#[test]
fn the_guide_names_every_key() {
    let guide = include_str!("../../../../docs/configuration.md");
    let missing: Vec<_> =
        keys::known().into_iter().filter(|key| !guide.contains(&format!("| `{key}` |"))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn the_effective_configuration_is_toml_without_secrets() {
    let folder = Folder::new();
    let key_file = folder.write("kek", "canary-key\n");
    let config = load(&[
        "LICENTIA__DATABASE__URL=postgres://app:canary-password@db/l?password=canary-too",
        &format!("LICENTIA__ENCRYPTION__KEY_FILE={}", key_file.display()),
        "LICENTIA__SERVER__WORKERS=3",
        "LICENTIA__REDIS__URL=redis://:canary-redis@cache:6379/0",
    ])
    .unwrap();
    let text = config.render_checked().unwrap();
    assert!(text.starts_with("environment = \"development\"\n\n["), "{text}");
    assert!(text.contains("\nurl = \"postgres://app:***@db/l?password=***\"\n"), "{text}");
    assert!(text.contains("\nkey = \"***\"\n"), "{text}");
    assert!(text.contains("\n# public_url is not set\n"), "{text}");
    assert!(text.contains("\nworkers = 3\n"), "{text}");
    assert!(!text.contains("canary"), "{text}");
    assert!(!format!("{config:?}").contains("canary"));
    // It is TOML, and all its keys are known: only the masked address does not connect.
    let own =
        text.replace("postgres://app:***@db/l?password=***", "sqlite://l.db").replace("key = \"***\"\n", "");
    let own = own.replace("url = \"***\"\n", "");
    assert_eq!(load_file(&own).unwrap().server.workers.unwrap().get(), 3);
}

#[test]
fn trusted_proxies_are_a_list_of_networks() {
    let config = load(&["LICENTIA__SERVER__TRUSTED_PROXIES=127.0.0.1, 10.0.0.0/8"]).unwrap();
    let text = config.render_checked().unwrap();
    assert!(text.contains("\ntrusted_proxies = \"127.0.0.1/32, 10.0.0.0/8\"\n"), "{text}");
    let refused = load(&["LICENTIA__SERVER__TRUSTED_PROXIES=proxy.internal"]).unwrap_err().to_string();
    assert!(refused.contains("is a list of addresses and networks"), "{refused}");
}

#[test]
fn the_issuer_is_the_public_url_or_follows_from_the_listener() {
    let bound = "127.0.0.1:41234".parse().unwrap();
    assert_eq!(
        load(&["LICENTIA__SERVER__BIND=127.0.0.1:0"]).unwrap().issuer(bound),
        "http://127.0.0.1:41234"
    );
    let config = load(&["LICENTIA__SERVER__PUBLIC_URL=https://licenses.example.com/v"]).unwrap();
    assert_eq!(config.issuer(bound), "https://licenses.example.com/v");
}
