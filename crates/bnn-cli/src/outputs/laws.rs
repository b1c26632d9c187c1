//! No output replaces an input or another output.

use super::*;

fn refused(inputs: &[Input<'_>], path: &Path) -> bool {
    matches!(claim(inputs, &[path]), Err(CliError::Input(_)))
}

#[test]
fn an_input_is_known_by_any_name() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::create_dir(folder.join("sub")).unwrap();
    let model = folder.join("m.bnn");
    fs::write(&model, "model").unwrap();
    let input = [Input::File(&model)];
    assert!(refused(&input, &model));
    assert!(refused(&input, &folder.join("sub/../m.bnn")));
    assert!(refused(&input, &folder.join("./m.bnn")));
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(&model, folder.join("link")).unwrap();
        fs::hard_link(&model, folder.join("hard")).unwrap();
        assert!(refused(&input, &folder.join("link")));
        assert!(refused(&input, &folder.join("hard")));
        assert!(refused(&[Input::File(&folder.join("link"))], &model));
    }
    assert!(!refused(&input, &folder.join("other.bnn")));
    fs::write(folder.join("other.bnn"), "model").unwrap();
    assert!(!refused(&input, &folder.join("other.bnn")));
    assert_eq!(fs::read(&model).unwrap(), b"model");
}

#[test]
fn data_is_all_files_of_its_folder_but_those_of_earlier_runs() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::create_dir_all(folder.join("train/cat")).unwrap();
    for name in ["train/cat/1.png", "train-images-idx3-ubyte", "notes"] {
        fs::write(folder.join(name), "data").unwrap();
    }
    fs::write(folder.join("m.bnn"), crate::model_file::MAGIC).unwrap();
    let data = [Input::Data(folder.to_str().unwrap())];
    for name in ["train/cat/1.png", "train-images-idx3-ubyte", "notes"] {
        assert!(refused(&data, &folder.join(name)), "{name}");
    }
    for name in ["m.bnn", "new", "train/cat/2.png"] {
        assert!(!refused(&data, &folder.join(name)), "{name}");
    }
    // The beginning of names, a file alone, data that is built in.
    let begin = folder.join("train-im");
    assert!(refused(
        &[Input::Data(begin.to_str().unwrap())],
        &folder.join("notes")
    ));
    let file = folder.join("notes");
    let table = [Input::Data(file.to_str().unwrap())];
    assert!(refused(&table, &file));
    assert!(!refused(&table, &folder.join("train-images-idx3-ubyte")));
    assert!(!refused(&[Input::Data("digits")], &file));
}

#[test]
fn all_files_are_checked_before_one_is_written_and_force_replaces_any() {
    let folder = tempfile::tempdir().unwrap();
    let [a, b] = ["a", "b"].map(|name| folder.path().join(name));
    let outputs = claim(&[], &[&a, &b]).unwrap();
    let rule = |force| Replacing {
        force,
        by: "this test",
    };
    let old = || [&a, &b].map(|path| fs::read(path).unwrap_or_default());
    rule(false).write(&outputs, &["one", "two"]).unwrap();
    assert_eq!(old(), ["one", "two"].map(|text| text.as_bytes().to_vec()));
    rule(false).write(&outputs, &["one", "two"]).unwrap();
    // Of the same length, and the second alone.
    let refused = rule(false).write(&outputs, &["one", "TWO"]);
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("/b exists") && refused.contains("--force"));
    assert!(rule(false).write(&outputs, &["ONE", "TWO"]).is_err());
    assert_eq!(old(), ["one", "two"].map(|text| text.as_bytes().to_vec()));
    rule(true).write(&outputs, &["ONE", "TWO"]).unwrap();
    assert_eq!(old(), ["ONE", "TWO"].map(|text| text.as_bytes().to_vec()));
    #[cfg(unix)]
    {
        // A link to nothing is there too.
        fs::remove_file(&a).unwrap();
        std::os::unix::fs::symlink("nothing", &a).unwrap();
        assert!(rule(false).write(&outputs, &["ONE", "TWO"]).is_err());
    }
}

#[test]
fn a_written_file_replaces_the_old_one_and_is_an_ordinary_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, "old and long").unwrap();
    claim(&[], &[&path]).unwrap()[0].write(b"new").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"new");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let new = folder.path().join("new");
        claim(&[], &[&new]).unwrap()[0].write(b"new").unwrap();
        let ordinary = folder.path().join("ordinary");
        fs::write(&ordinary, "").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&new), mode(&ordinary));
    }
}

#[test]
fn two_outputs_are_two_files() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (folder.path().join("a"), folder.path().join("./a"));
    assert!(claim(&[], &[&a, &b]).is_err());
    assert!(claim(&[], &[&a, &folder.path().join("b")]).is_ok());
    #[cfg(unix)]
    {
        fs::write(&a, "old").unwrap();
        fs::hard_link(&a, folder.path().join("c")).unwrap();
        assert!(claim(&[], &[&a, &folder.path().join("c")]).is_err());
    }
}
