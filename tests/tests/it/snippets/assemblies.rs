//! The snippets of docs/assemblies.md: a pipeline approves what it built, and a machine activates with it.

use serde_json::Value;

use super::*;

const DOCUMENT: &str = include_str!("../../../../docs/assemblies.md");
const SCRIPT: &str = include_str!("../../../../docs/examples/assembly_manifest.py");

fn snippet(name: &str) -> &'static str {
    let (_, rest) = DOCUMENT.split_once(&format!("<!-- snippet: {name} -->\n```sh\n")).unwrap();
    rest.split_once("```").unwrap().0
}

#[test]
fn no_code_of_the_document_is_left_unrun() {
    assert_eq!((DOCUMENT.matches("<!-- snippet: ").count(), DOCUMENT.matches("```sh\n").count()), (2, 2));
}

/// Runs a snippet beside the script, in the scene's folder; gives its exit code and what it printed.
fn run(scene: &Scene, name: &str) -> (Option<i32>, String) {
    let folder = scene.folder.path();
    fs::write(folder.join("assembly_manifest.py"), SCRIPT).unwrap();
    // `python3` is the one that the other snippets run by.
    let python = variable("LICENTIA_TEST_PYTHON");
    let programs = Path::new(&python).parent().unwrap().display();
    let output = Command::new("sh")
        .args(["-eu", "-c", snippet(name)])
        .current_dir(folder)
        .env("PATH", format!("{programs}:{}", std::env::var("PATH").unwrap()))
        .env("LICENTIA", &scene.server.base)
        .env("LICENTIA_API_KEY", &scene.server.admin_key)
        .env("LICENSE_KEY", &scene.machine.key)
        .env("NO_PROXY", "127.0.0.1")
        .env("no_proxy", "127.0.0.1")
        .output()
        .unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_script_and_curl_approve_what_was_built() {
    let scene = Scene::open().await;
    let build = scene.folder.path().join("build/release");
    fs::create_dir_all(build.join("plug ins")).unwrap();
    for (file, content) in
        [("Acme.dll", "abc"), ("plug ins/Ünï \"x\".dll", "x"), ("Acme.exe", ""), ("Acme.pdb", "not this one")]
    {
        fs::write(build.join(file), content).unwrap();
    }
    assert_eq!(run(&scene, "approve").0, Some(0));
    let listed = scene.server.admin_get("/assembly-whitelist?source=ci").await.expect(200);
    let mut names: Vec<&str> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["assemblyName"].as_str().unwrap())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["Acme.dll", "Acme.exe", "plug ins/Ünï \"x\".dll"]);
    let of_abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let found = scene.server.admin_get(&format!("/assembly-whitelist?sha256={of_abc}")).await.expect(200);
    assert_eq!(
        (&found["items"][0]["assemblyName"], &found["items"][0]["version"]),
        (&json!("Acme.dll"), &json!("2.4.1"))
    );

    let (code, printed) = run(&scene, "activate");
    let answer: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(code, Some(0), "{printed}");
    let proof = licentia_tests::claims(answer["activationProof"].as_str().unwrap());
    assert_eq!(proof["assemblies"].as_array().unwrap().len(), 3);

    // Another build of the same version.
    let manifest = fs::read_to_string(scene.folder.path().join("manifest.json")).unwrap();
    let patched = manifest.replace(of_abc, &"0".repeat(64));
    assert_ne!(patched, manifest);
    fs::write(scene.folder.path().join("manifest.json"), patched).unwrap();
    let (code, printed) = run(&scene, "activate");
    assert_eq!(code, Some(22), "curl says that it was refused");
    assert!(printed.contains("ASSEMBLY_NOT_APPROVED") && printed.contains("Acme.dll"), "{printed}");
}
