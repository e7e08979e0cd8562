use super::*;

fn refused(query: &str) -> String {
    listing::<NoFilter>(query).unwrap_err().to_string()
}

#[test]
fn a_page_is_read() {
    let page = listing::<NoFilter>("limit=7&q=a%20b&sort=createdAt").unwrap().page;
    assert_eq!(
        (page.limit, page.q.as_deref(), page.sort.as_deref()),
        (Some(7), Some("a b"), Some("createdAt"))
    );
    assert!(listing::<NoFilter>("").unwrap().page.limit.is_none());
}

#[test]
fn unknown_doubled_and_unreadable_parameters_are_refused() {
    assert_eq!(refused("key=canary"), "there is no such parameter");
    assert_eq!(refused("limit=1&limit=2"), "a parameter stands there twice");
    assert_eq!(refused("limit=canary"), "limit: must be a whole number");
    assert_eq!(parameters::<NoFilter>("limit=1").unwrap_err().to_string(), "there is no such parameter");
}

#[test]
fn a_dry_run_is_asked_for_in_so_many_words() {
    let asked = |query: &str| pairs(query).and_then(read::<DryRun>).map(|asked| asked.dry_run);
    assert!(asked("dryRun=true").unwrap());
    assert!(!asked("dryRun=false").unwrap() && !asked("").unwrap());
    for query in ["dryRun", "dryRun=1", "dryRun=yes", "dryrun=true", "dryRun=true&dryRun=true"] {
        assert!(asked(query).is_err(), "{query}");
    }
}

#[test]
fn a_product_is_named_by_id_or_slug() {
    assert!(matches!(product_name("prod_01h455vb4pex5vsknk084sn02q"), Some(ProductName::Id(_))));
    assert!(matches!(product_name("acme-desk"), Some(ProductName::Slug(_))));
    assert!(product_name("prod_x").is_none());
}
