//! `admin.api_key_file`, and SIGHUP.

use super::installation::Installation;

const ONE: &str = "lsk_0123456789abcdef0123456789abcdef";
const OTHER: &str = "lsk_fedcba9876543210fedcba9876543210";

#[tokio::test]
async fn the_key_of_the_file_is_read_at_the_start_and_again_on_sighup() {
    let place = Installation::new();
    let file = place.write("secrets/admin-key", &format!("{ONE}\n"));
    let place = place.with("ADMIN__API_KEY_FILE", file.to_str().unwrap());
    let serving = place.serve(&[]);
    assert_eq!(serving.admin_key(), None, "there is a key already");
    assert_eq!(serving.status_with(ONE).await, 200);

    place.write("secrets/admin-key", OTHER);
    serving.hang_up("admin.api_key_file was read again");
    assert_eq!((serving.status_with(ONE).await, serving.status_with(OTHER).await), (401, 200));

    std::fs::remove_file(&file).unwrap();
    serving.hang_up("there is no declared API key any more");
    assert_eq!(serving.status_with(OTHER).await, 401);
    assert!(!serving.output().contains("lsk_"), "no key is logged");
    serving.stop();
}

#[tokio::test]
async fn a_start_without_the_file_ends_the_key_that_it_declared() {
    let place = Installation::new();
    let file = place.write("secrets/admin-key", ONE);
    let place = place.with("ADMIN__API_KEY_FILE", file.to_str().unwrap());
    place.serve(&[]).stop();
    let place = place.without("ADMIN__API_KEY_FILE");
    let serving = place.serve(&[]);
    assert_eq!(serving.status_with(ONE).await, 401);
    serving.stop();
}

#[test]
fn a_file_that_holds_no_key_stops_the_start() {
    let place = Installation::new();
    let file = place.write("secrets/admin-key", "password\n");
    let place = place.with("ADMIN__API_KEY_FILE", file.to_str().unwrap());
    let complaint = place.refuses(&["serve"], 1);
    assert!(complaint.contains("admin.api_key_file") && !complaint.contains("password"), "{complaint}");
    std::fs::remove_file(&file).unwrap();
    let complaint = place.refuses(&["serve"], 1);
    assert!(complaint.contains("cannot be read"), "{complaint}");
}
