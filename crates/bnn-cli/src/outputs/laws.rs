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
