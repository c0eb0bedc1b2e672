//! Labels merged into one PDF: in order, each as it came, a reprint with a visible mark.
//!
//! A label is a file from outside. Its pages and what they need are copied, nothing else: no scripts, no links, no forms.
//! What cannot be merged becomes a page that says which label it is and why; the others print. Each file is read on a
//! thread of its own kind, with limits on bytes, objects, pages, depth and time, and a fault of the reader is a refusal.

use domain::label::Format;
use lopdf::{Dictionary, Document, LoadOptions, Object, ObjectId, Stream, StringFormat, dictionary};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// The largest label, in bytes.
const FILE_BYTES_MAX: usize = 8 << 20;
/// The most that one compressed part may unfold to, in bytes.
const UNFOLDED_BYTES_MAX: usize = 64 << 20;
/// The most objects of one label.
const OBJECTS_MAX: usize = 20_000;
/// The most pages of one label.
const PAGES_MAX: usize = 20;
/// How deep objects may nest, and how many parents a page may have.
const DEPTH_MAX: usize = 60;
/// How long reading one label may take.
const PATIENCE: Duration = Duration::from_secs(4);
/// The reader's stack, in bytes: deep nesting is refused before it is used up.
const STACK_BYTES: usize = 32 << 20;
/// A page of words: A6 in points.
const WORDS_PAGE: (i64, i64) = (298, 420);
/// Lines of a page of words.
const PAGE_LINES: usize = 22;
/// Letters of a line on a page of words.
const LINE_LETTERS: usize = 44;
/// The font's name in our own content.
const FONT: &str = "CountermandMark";

/// A label to be merged.
#[derive(Debug, Clone)]
pub struct Label {
    /// The marketplace and the order's number.
    pub title: String,
    /// The package's number.
    pub package: String,
    /// What the bytes are.
    pub format: Format,
    /// The file.
    pub bytes: Vec<u8>,
    /// Which print of it this is, from 1; from the second on it is marked.
    pub copy: u32,
    /// The lines of the packing slip that follows it, where one is wanted.
    pub slip: Option<Vec<String>>,
}

/// Why nothing could be merged at all.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// The merged file cannot be written.
    #[error("the merged labels cannot be written: {0}")]
    Unwritable(String),
    /// The task that merges ended abnormally.
    #[error("merging ended abnormally: {0}")]
    Ended(String),
}

/// Merges labels into one PDF, on a thread that may take its time.
///
/// # Errors
/// [`MergeError`]; a label that cannot be merged is no error, it becomes a page that says so.
pub async fn merge(labels: Vec<Label>) -> Result<Vec<u8>, MergeError> {
    let merged = tokio::task::spawn_blocking(move || merge_now(labels)).await;
    merged.unwrap_or_else(|error| Err(MergeError::Ended(error.to_string())))
}

/// The same on this thread.
///
/// # Errors
/// As [`merge`].
pub fn merge_now(labels: Vec<Label>) -> Result<Vec<u8>, MergeError> {
    let mut sheet = Sheet::new();
    let mut reader = Reader::start();
    for label in labels {
        match reader.read(&label) {
            Ok(pages) => pages.into_iter().for_each(|page| sheet.add(page, label.copy)),
            Err(why) => sheet.say(&label, &why),
        }
        if let Some(slip) = &label.slip {
            sheet.add_slip(slip);
        }
    }
    sheet.finish()
}

/// A page with everything that it needs, by numbers of its own file.
struct Page {
    dictionary: Dictionary,
    objects: HashMap<ObjectId, Object>,
}

type Pages = Result<Vec<Page>, String>;

/// Reads files on a thread of its own; one that takes too long is left behind.
struct Reader {
    files: Sender<(Format, Vec<u8>)>,
    pages: Receiver<Pages>,
}

impl Reader {
    fn start() -> Self {
        let (files, incoming) = channel::<(Format, Vec<u8>)>();
        let (outgoing, pages) = channel();
        let work = move || {
            for (format, bytes) in incoming {
                let read = catch_unwind(AssertUnwindSafe(|| read(format, &bytes)));
                let read =
                    read.unwrap_or_else(|_| Err("it is damaged in a way that its reader cannot handle".to_owned()));
                if outgoing.send(read).is_err() {
                    return;
                }
            }
        };
        // Where no thread can be made, every label is refused in words.
        let _ = std::thread::Builder::new().name("label-reader".to_owned()).stack_size(STACK_BYTES).spawn(work);
        Self { files, pages }
    }

    fn read(&mut self, label: &Label) -> Pages {
        if label.bytes.len() > FILE_BYTES_MAX {
            return Err(format!("it is larger than {} MB", FILE_BYTES_MAX >> 20));
        }
        let ended = |_| "its reader ended abnormally".to_owned();
        self.files.send((label.format, label.bytes.clone())).map_err(|error| ended(error.to_string()))?;
        match self.pages.recv_timeout(PATIENCE) {
            Ok(pages) => pages,
            Err(RecvTimeoutError::Timeout) => {
                *self = Self::start();
                Err(format!("reading it took longer than {} s", PATIENCE.as_secs()))
            }
            Err(error @ RecvTimeoutError::Disconnected) => {
                *self = Self::start();
                Err(ended(error.to_string()))
            }
        }
    }
}

fn read(format: Format, bytes: &[u8]) -> Pages {
    match format {
        Format::Pdf => read_pdf(bytes),
        Format::Html => Err("it is a web page, not a PDF; print it by itself and without a packing slip".to_owned()),
        Format::Png => Err("it is a picture, not a PDF; print it from the marketplace's Seller Center".to_owned()),
        Format::Zip => {
            Err("it is an archive: the shop's labels are set to thermal printing; change that in its settings"
                .to_owned())
        }
        Format::Other => Err("it is no PDF".to_owned()),
    }
}

fn read_pdf(bytes: &[u8]) -> Pages {
    let options = LoadOptions::with_max_decompressed_size(UNFOLDED_BYTES_MAX);
    let document =
        Document::load_mem_with_options(bytes, options).map_err(|error| format!("it is damaged: {error}"))?;
    if document.is_encrypted() {
        return Err("it is protected by a password".to_owned());
    }
    if document.objects.len() > OBJECTS_MAX {
        return Err(format!("it has more than {OBJECTS_MAX} objects"));
    }
    let pages: Vec<ObjectId> = document.page_iter().take(PAGES_MAX + 1).collect();
    if pages.is_empty() {
        return Err("it has no pages".to_owned());
    }
    if pages.len() > PAGES_MAX {
        return Err(format!("it has more than {PAGES_MAX} pages"));
    }
    pages.into_iter().map(|page| copy_page(&document, page)).collect()
}

/// What a page inherits from its parents where it has none of its own.
const INHERITED: [&[u8]; 4] = [b"Resources", b"MediaBox", b"CropBox", b"Rotate"];
/// What leads from a page to other pages, to actions, or to nothing that is printed.
const LEFT_OUT: [&[u8]; 7] = [b"Parent", b"AA", b"B", b"StructParents", b"Metadata", b"PieceInfo", b"Thumb"];
/// The same of an annotation.
const LEFT_OUT_OF_NOTES: [&[u8]; 7] = [b"P", b"Parent", b"A", b"AA", b"Dest", b"Popup", b"IRT"];

fn copy_page(document: &Document, id: ObjectId) -> Result<Page, String> {
    let mut page = document.get_dictionary(id).map_err(|error| format!("a page cannot be read: {error}"))?.clone();
    let mut parent = page.get(b"Parent").and_then(Object::as_reference).ok();
    for _ in 0..DEPTH_MAX {
        let Some(above) = parent.and_then(|above| document.get_dictionary(above).ok()) else { break };
        for name in INHERITED {
            if let (false, Ok(value)) = (page.has(name), above.get(name)) {
                page.set(name, value.clone());
            }
        }
        parent = above.get(b"Parent").and_then(Object::as_reference).ok();
    }
    if !page.has(b"MediaBox") {
        return Err("a page has no size".to_owned());
    }
    for name in LEFT_OUT {
        page.remove(name);
    }
    let mut objects = HashMap::new();
    let mut waiting = Vec::new();
    references(&Object::Dictionary(page.clone()), &mut waiting, 0)?;
    while let Some(id) = waiting.pop() {
        if objects.contains_key(&id) {
            continue;
        }
        if objects.len() >= OBJECTS_MAX {
            return Err(format!("a page needs more than {OBJECTS_MAX} objects"));
        }
        // What is missing is nothing, as the format says.
        let mut object = document.objects.get(&id).cloned().unwrap_or(Object::Null);
        if let Object::Dictionary(dictionary) = &mut object {
            trim(dictionary);
        }
        references(&object, &mut waiting, 0)?;
        objects.insert(id, object);
    }
    Ok(Page { dictionary: page, objects })
}

/// Cuts what leads away from a page out of an annotation, and other pages out of everything.
fn trim(dictionary: &mut Dictionary) {
    let is =
        |dictionary: &Dictionary, kind: &[u8]| dictionary.get(b"Type").and_then(Object::as_name).ok() == Some(kind);
    if is(dictionary, b"Page") || is(dictionary, b"Pages") || is(dictionary, b"Catalog") {
        *dictionary = Dictionary::new();
    } else if is(dictionary, b"Annot") || (dictionary.has(b"Rect") && dictionary.has(b"Subtype")) {
        for name in LEFT_OUT_OF_NOTES {
            dictionary.remove(name);
        }
    }
}

/// Every reference inside an object.
fn references(object: &Object, found: &mut Vec<ObjectId>, depth: usize) -> Result<(), String> {
    if depth > DEPTH_MAX {
        return Err("its objects nest too deep".to_owned());
    }
    match object {
        Object::Reference(id) => found.push(*id),
        Object::Array(items) => {
            for item in items {
                references(item, found, depth + 1)?;
            }
        }
        Object::Dictionary(dictionary) => {
            for (_, value) in dictionary {
                references(value, found, depth + 1)?;
            }
        }
        Object::Stream(stream) => {
            for (_, value) in &stream.dict {
                references(value, found, depth + 1)?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// Replaces every reference by the number that its object has in the merged file.
fn renumber(object: &mut Object, numbers: &HashMap<ObjectId, ObjectId>) {
    match object {
        Object::Reference(id) => match numbers.get(id) {
            Some(number) => *id = *number,
            None => *object = Object::Null,
        },
        Object::Array(items) => items.iter_mut().for_each(|item| renumber(item, numbers)),
        Object::Dictionary(dictionary) => dictionary.iter_mut().for_each(|(_, value)| renumber(value, numbers)),
        Object::Stream(stream) => stream.dict.iter_mut().for_each(|(_, value)| renumber(value, numbers)),
        _ => {}
    }
}

/// The merged file.
struct Sheet {
    document: Document,
    tree: ObjectId,
    pages: Vec<Object>,
    font: ObjectId,
}

impl Sheet {
    fn new() -> Self {
        let mut document = Document::with_version("1.7");
        let tree = document.new_object_id();
        let font = document.add_object(dictionary! {
            "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Helvetica-Bold", "Encoding" => "WinAnsiEncoding",
        });
        Self { document, tree, pages: Vec::new(), font }
    }

    /// Adds a page as it came; a reprint gets its mark.
    fn add(&mut self, page: Page, copy: u32) {
        let mut numbers = HashMap::with_capacity(page.objects.len());
        for id in page.objects.keys() {
            numbers.insert(*id, self.document.new_object_id());
        }
        for (id, mut object) in page.objects {
            renumber(&mut object, &numbers);
            if let Some(number) = numbers.get(&id) {
                self.document.objects.insert(*number, object);
            }
        }
        let mut dictionary = Object::Dictionary(page.dictionary);
        renumber(&mut dictionary, &numbers);
        let Object::Dictionary(mut dictionary) = dictionary else { return };
        if copy > 1 {
            self.mark(&mut dictionary, copy);
        }
        dictionary.set("Type", "Page");
        dictionary.set("Parent", self.tree);
        let id = self.document.add_object(dictionary);
        self.pages.push(id.into());
    }

    /// Writes “REPRINT” over the page's lower left corner, on white.
    fn mark(&mut self, page: &mut Dictionary, copy: u32) {
        let corner = self.corner(page);
        let words = format!("REPRINT - copy {copy}");
        let width = 8 + 6 * i64::try_from(words.len()).unwrap_or(0);
        let (x, y) = (corner.0 + 4, corner.1 + 4);
        let mark =
            format!("Q q 1 g {x} {y} {width} 14 re f 0 g BT /{FONT} 9 Tf {} {} Td ({words}) Tj ET Q", x + 4, y + 4);
        let before = self.document.add_object(Stream::new(Dictionary::new(), b"q".to_vec()));
        let after = self.document.add_object(Stream::new(Dictionary::new(), mark.into_bytes()));
        let own = match page.get(b"Contents") {
            Ok(Object::Array(parts)) => parts.clone(),
            Ok(Object::Reference(id)) => match self.document.objects.get(id) {
                Some(Object::Array(parts)) => parts.clone(),
                _ => vec![Object::Reference(*id)],
            },
            _ => Vec::new(),
        };
        let mut contents = vec![Object::Reference(before)];
        contents.extend(own);
        contents.push(Object::Reference(after));
        page.set("Contents", contents);
        let mut resources = self.dictionary_of(page.get(b"Resources").ok());
        let mut fonts = self.dictionary_of(resources.get(b"Font").ok());
        fonts.set(FONT, self.font);
        resources.set("Font", fonts);
        page.set("Resources", resources);
    }

    fn dictionary_of(&self, object: Option<&Object>) -> Dictionary {
        match object {
            Some(Object::Dictionary(dictionary)) => dictionary.clone(),
            Some(Object::Reference(id)) => self.document.get_dictionary(*id).cloned().unwrap_or_default(),
            _ => Dictionary::new(),
        }
    }

    /// The lower left corner of what is shown of a page.
    fn corner(&self, page: &Dictionary) -> (i64, i64) {
        let shown = page.get(b"CropBox").or_else(|_| page.get(b"MediaBox")).ok();
        let shown = match shown {
            Some(Object::Reference(id)) => self.document.objects.get(id),
            other => other,
        };
        let numbers: Vec<f32> = match shown {
            Some(Object::Array(parts)) => parts.iter().filter_map(|part| part.as_float().ok()).collect(),
            _ => Vec::new(),
        };
        match numbers[..] {
            [a, b, c, d] => {
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "a place on paper, in points; a float's cast saturates"
                )]
                let least = |one: f32, other: f32| one.min(other) as i64;
                (least(a, c), least(b, d))
            }
            _ => (0, 0),
        }
    }

    /// A page that says which label could not be merged, and why.
    fn say(&mut self, label: &Label, why: &str) {
        let words = format!("This label could not be merged: {why}.");
        let mut lines = vec![label.title.clone(), format!("Package {}", label.package), String::new()];
        lines.extend(wrapped(&words));
        self.add_words(&lines);
    }

    /// A packing slip, on as many pages as it takes.
    fn add_slip(&mut self, slip: &[String]) {
        let lines: Vec<String> = slip.iter().flat_map(|line| wrapped(line)).collect();
        for lines in lines.chunks(PAGE_LINES) {
            self.add_words(lines);
        }
    }

    /// A page of words.
    fn add_words(&mut self, lines: &[String]) {
        let (width, height) = WORDS_PAGE;
        let mut content = format!("0 g BT /{FONT} 11 Tf 16 TL 16 {} Td", height - 40);
        for line in lines {
            content.push_str(&format!(" ({}) Tj T*", escaped(line)));
        }
        content.push_str(" ET");
        let content = self.document.add_object(Stream::new(Dictionary::new(), content.into_bytes()));
        let fonts = Dictionary::from_iter([(FONT, Object::Reference(self.font))]);
        let page = self.document.add_object(dictionary! {
            "Type" => "Page", "Parent" => self.tree, "Contents" => content,
            "MediaBox" => vec![0.into(), 0.into(), width.into(), height.into()],
            "Resources" => dictionary! { "Font" => fonts },
        });
        self.pages.push(page.into());
    }

    fn finish(mut self) -> Result<Vec<u8>, MergeError> {
        let count = i64::try_from(self.pages.len()).unwrap_or(i64::MAX);
        let tree = dictionary! { "Type" => "Pages", "Kids" => self.pages, "Count" => count };
        self.document.objects.insert(self.tree, tree.into());
        let catalog = self.document.add_object(dictionary! { "Type" => "Catalog", "Pages" => self.tree });
        self.document.trailer.set("Root", catalog);
        let title = Object::String(b"Shipping labels".to_vec(), StringFormat::Literal);
        let information = self.document.add_object(dictionary! { "Title" => title });
        self.document.trailer.set("Info", information);
        let mut bytes = Vec::new();
        self.document.save_to(&mut bytes).map_err(|error| MergeError::Unwritable(error.to_string()))?;
        Ok(bytes)
    }
}

/// Text inside a PDF's brackets: plain letters, others become question marks.
fn escaped(text: &str) -> String {
    let letter = |letter: char| match letter {
        '(' | ')' | '\\' => format!("\\{letter}"),
        ' '..='~' => letter.to_string(),
        _ => "?".to_owned(),
    };
    text.chars().map(letter).collect()
}

fn wrapped(words: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in words.split_whitespace() {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > LINE_LETTERS {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.extend(word.chars().take(LINE_LETTERS));
    }
    lines.push(line);
    lines
}

#[cfg(test)]
#[path = "label_pdf_tests.rs"]
mod tests;
