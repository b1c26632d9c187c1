//! Every format, both colours, any size; and files that were damaged on the way.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::fs;

use image::{GrayImage, ImageFormat, Luma, Rgb, RgbImage, Rgba, RgbaImage};
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

const FORMATS: [(&str, ImageFormat); 6] = [
    ("png", ImageFormat::Png),
    ("bmp", ImageFormat::Bmp),
    ("ppm", ImageFormat::Pnm),
    ("jpg", ImageFormat::Jpeg),
    ("gif", ImageFormat::Gif),
    ("webp", ImageFormat::WebP),
];

fn encoded(image: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// Reads bytes as a file of that name.
fn read_as(
    name: &str,
    bytes: &[u8],
    colour: Option<Colour>,
    size: Option<(usize, usize)>,
) -> Result<Picture, DataError> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    read(path, colour, size)
}

fn colourful(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| Rgb([10 * x as u8, 20 * y as u8, 200]))
}

#[test]
fn every_format_gives_its_pixels_channels_last() {
    let image = colourful(5, 3);
    for (ending, format) in FORMATS {
        let name = format!("image.{ending}");
        let bytes = encoded(image.clone(), format);
        let picture = read_as(&name, &bytes, None, None).unwrap();
        assert_eq!((picture.width, picture.height), (5, 3), "{name}");
        assert_eq!(picture.colour, Colour::Rgb, "{name}");
        assert_eq!(picture.pixels.len(), 5 * 3 * 3, "{name}");
        if format != ImageFormat::Jpeg {
            assert_eq!(&picture.pixels, image.as_raw(), "{name}");
        }
    }
}

#[test]
fn contents_decide_the_format_and_not_the_name() {
    let bytes = encoded(colourful(4, 4), ImageFormat::Bmp);
    let right = read_as("image.bmp", &bytes, None, None).unwrap();
    assert_eq!(read_as("image.png", &bytes, None, None).unwrap(), right);
    assert_eq!(read_as("image", &bytes, None, None).unwrap(), right);
}

#[test]
fn images_are_told_from_text_by_their_first_bytes() {
    for (_, format) in FORMATS {
        let bytes = encoded(colourful(5, 3), format);
        assert!(is_one(&bytes[..16]), "{format:?}");
    }
    for text in [
        "BMI,age,label\n1,",
        "P1,P2,label\n1,2,",
        "1,2,3\n",
        "",
        "B",
        "P5",
        "GIF,b\n",
    ] {
        assert!(!is_one(text.as_bytes()), "{text:?}");
    }
}

#[test]
fn grey_is_grey_however_it_is_stored() {
    let every: Vec<u8> = (0..=255).collect();
    let grey = GrayImage::from_raw(16, 16, every.clone()).unwrap();
    let rgb = RgbImage::from_fn(16, 16, |x, y| Rgb([grey.get_pixel(x, y)[0]; 3]));
    let rgba = RgbaImage::from_fn(16, 16, |x, y| {
        let value = grey.get_pixel(x, y)[0];
        Rgba([value, value, value, x as u8])
    });
    let images: [DynamicImage; 3] = [grey.into(), rgb.into(), rgba.into()];
    for image in images {
        let bytes = encoded(image, ImageFormat::Png);
        for colour in [None, Some(Colour::Grey)] {
            let picture = read_as("grey.png", &bytes, colour, None).unwrap();
            assert_eq!(picture.colour, Colour::Grey);
            assert_eq!(picture.pixels, every);
        }
        let picture = read_as("grey.png", &bytes, Some(Colour::Rgb), None).unwrap();
        let expected: Vec<u8> = every.iter().flat_map(|&value| [value; 3]).collect();
        assert_eq!(picture.pixels, expected);
    }
}

#[test]
fn grey_is_resized_as_equal_red_green_and_blue_are() {
    let grey = GrayImage::from_fn(9, 7, |x, y| Luma([(x * 31 + y * 57) as u8]));
    let bytes = encoded(grey, ImageFormat::Png);
    for size in [(1, 1), (4, 3), (9, 7), (20, 11)] {
        let read = |colour| read_as("grey.png", &bytes, Some(colour), Some(size)).unwrap();
        let (grey, rgb) = (read(Colour::Grey), read(Colour::Rgb));
        assert_eq!((grey.width, grey.height), size);
        let expected: Vec<u8> = grey.pixels.iter().flat_map(|&value| [value; 3]).collect();
        assert_eq!(rgb.pixels, expected);
    }
}

#[test]
fn sizes_without_a_pixel_or_beyond_all_reason_are_refused() {
    let bytes = encoded(colourful(2, 2), ImageFormat::Png);
    for size in [(0, 4), (4, 0), (1 << 14, (1 << 14) + 1), (usize::MAX, 1)] {
        let error = read_as("a.png", &bytes, None, Some(size)).unwrap_err();
        assert!(matches!(error, DataError::Size { .. }), "{error}");
    }
}

#[test]
fn what_is_no_image_is_named() {
    let error = read("no/such/file.png", None, None).unwrap_err();
    assert!(matches!(&error, DataError::Io { path, .. } if path.ends_with("file.png")));
    for (name, bytes) in [
        ("text.png", &b"not an image at all"[..]),
        ("empty.jpg", b""),
        ("text.ppm", b"P7"),
        ("text", b"GIF89a"),
        ("none.png", b"GIF89a\x01\0\x01\0\0\0\0;"),
        ("photo.tiff", b"II*\0\x08\0\0\0"),
    ] {
        let error = read_as(name, bytes, None, None).unwrap_err();
        assert!(
            matches!(&error, DataError::Image { path, .. } if path.ends_with(name)),
            "{error}"
        );
    }
}

/// Headers that promise far more than follows them.
fn bombs() -> Vec<(&'static str, Vec<u8>)> {
    let mut png = encoded(colourful(2, 2), ImageFormat::Png);
    // Width and height follow the signature, the length and the name of the first chunk.
    png[16..24].copy_from_slice(&[0, 0, 0x40, 0, 0, 0, 0x40, 0]);
    let checksum = {
        let mut crc = flate2::Crc::new();
        crc.update(&png[12..29]);
        crc.sum()
    };
    png[29..33].copy_from_slice(&checksum.to_be_bytes());
    let mut bmp = encoded(colourful(2, 2), ImageFormat::Bmp);
    bmp[18..26].copy_from_slice(&[0, 0x40, 0, 0, 0, 0x40, 0, 0]);
    let mut jpeg = encoded(colourful(2, 2), ImageFormat::Jpeg);
    let frame = jpeg.windows(2).position(|marker| marker == [0xFF, 0xC0]);
    let frame = frame.unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0xFF; 4]);
    let mut gif = encoded(colourful(2, 2), ImageFormat::Gif);
    gif[6..10].copy_from_slice(&[0xFF; 4]);
    // A lossless WebP: the RIFF header, "VP8L", its length, a signature, 14 bits for each side.
    let mut webp = encoded(colourful(2, 2), ImageFormat::WebP);
    webp[21..25].copy_from_slice(&[0xFF, 0xFF, 0xFF, 0x0F]);
    vec![
        ("bomb.gif", gif),
        ("bomb.webp", webp),
        ("bomb.png", png),
        ("bomb.bmp", bmp),
        ("bomb.jpg", jpeg),
        ("bomb.ppm", b"P6 16384 16384 255\n".to_vec()),
        ("long.pgm", b"P5 1000000000 1 255\n".to_vec()),
        ("wide.pgm", b"P2 4294967295 4294967295 255\n".to_vec()),
    ]
}

#[test]
fn a_header_that_promises_too_much_is_refused() {
    for (name, bytes) in bombs() {
        let error = read_as(name, &bytes, None, None).unwrap_err();
        let DataError::Image { path, source } = &error else {
            panic!("{error}");
        };
        assert!(path.ends_with(name));
        // The decoder of WebP compares sizes first.
        let limit = source.downcast_ref::<image::ImageError>();
        assert!(
            matches!(limit, Some(image::ImageError::Limits(_))) || name == "bomb.webp",
            "{name}: {source}"
        );
    }
}

#[test]
fn a_file_cut_short_is_an_error_that_names_it() {
    for (ending, format) in FORMATS {
        let name = format!("cut.{ending}");
        let whole = encoded(colourful(5, 3), format);
        // The end of the other formats is not missed.
        let missed = match format {
            ImageFormat::Bmp | ImageFormat::Pnm => whole.len(),
            _ => whole.len() / 2,
        };
        for length in 0..missed {
            let error = read_as(&name, &whole[..length], None, None);
            assert!(
                matches!(&error, Err(DataError::Image { path, .. }) if path.ends_with(&name)),
                "{name} cut after {length}: {error:?}"
            );
        }
    }
}

/// An image file, damaged: some bytes replaced, then, half of the time, cut or extended.
fn damaged() -> impl Strategy<Value = (String, Vec<u8>)> {
    let files: Vec<_> = FORMATS
        .into_iter()
        .map(|(ending, format)| {
            let bytes = encoded(colourful(19, 11), format);
            (format!("damaged.{ending}"), bytes)
        })
        .collect();
    let file = prop::sample::select(files);
    (
        file,
        prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        0..3000_usize,
    )
        .prop_map(|((name, mut bytes), changes, length)| {
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            if length % 2 == 0 {
                bytes.resize(length, 0xA5);
            }
            (name, bytes)
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn damaged_files_are_an_error_that_names_them_or_an_image((name, bytes) in damaged()) {
        match read_as(&name, &bytes, None, Some((6, 5))) {
            Ok(picture) => {
                prop_assert_eq!((picture.width, picture.height), (6, 5));
                prop_assert_eq!(picture.pixels.len(), 30 * picture.colour as usize);
            }
            Err(DataError::Image { path, .. }) => prop_assert!(path.ends_with(&name)),
            Err(error) => prop_assert!(false, "{}", error),
        }
    }
}
