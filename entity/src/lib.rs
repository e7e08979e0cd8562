//! The tables, one file each, with typed columns and no logic.
#![forbid(unsafe_code)]
#![expect(
    missing_docs,
    reason = "columns are named and explained by the types of the API and by the migrations"
)]

pub mod access_group;
pub mod account_request;
pub mod activation;
pub mod activation_claim;
pub mod activation_manifest;
pub mod admin;
pub mod admin_group;
pub mod api_key;
pub mod api_key_group;
pub mod assembly_approval;
pub mod assembly_manifest;
pub mod audit_checkpoint;
pub mod audit_event;
pub mod audit_link;
pub mod audit_pending;
pub mod claim_set;
pub mod clock_mark;
pub mod consumer_key;
pub mod custom_role;
pub mod customer;
pub mod customer_account;
pub mod event;
pub mod feature;
pub mod former_license_key;
pub mod import;
pub mod import_chunk;
pub mod import_claim;
pub mod import_row;
pub mod job;
pub mod kept_outcome;
pub mod license;
pub mod license_file;
pub mod license_notice;
pub mod mail;
pub mod one_time_token;
pub mod ownership;
pub mod password_request;
pub mod product;
pub mod reactivation;
pub mod recovery_code;
pub mod refusal;
pub mod registration;
pub mod release;
pub mod revocation_generation;
pub mod sealed_secret;
pub mod seat_release;
pub mod server_setting;
pub mod session;
pub mod sign_in_code;
pub mod signing_key;
pub mod status_place;
pub mod system_event;
pub mod tier;
pub mod trial_use;
pub mod usage_day;
