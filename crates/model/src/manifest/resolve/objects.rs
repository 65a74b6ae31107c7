//! Objects of the files of `manifests`: what of them is taken. They are the release's from then on; no file is needed any more.

mod rules;

use serde_json::Value;

use self::rules::Refusal;
use super::given::GivenObject;
use super::resolver::Resolver;
use crate::manifest::diagnostics::{Code, Diagnostic};
use crate::manifest::read::reader::shortened;
use crate::manifest::types::Located;

/// All objects of an environment have at most so many bytes as JSON: they are part of each release.
const LARGEST: usize = 256 * 1024;

impl Resolver<'_> {
    pub(super) fn extra_objects(&mut self, namespace: &str) -> Vec<Value> {
        let settings = self.settings.kubernetes.as_ref().and_then(|kubernetes| kubernetes.manifests.as_ref());
        let (Some(settings), Some(given)) = (settings, self.objects) else { return Vec::new() };
        let mut taken: Vec<Value> = Vec::new();
        for files in settings {
            let found = given.get(&files.value).map(Vec::as_slice).unwrap_or_default();
            if found.is_empty() {
                let message = format!("no file of \"{}\" has an object", shortened(&files.value));
                let problem = Diagnostic::new(Code::Objects, &files.span, message).label("named here");
                self.problems.push(problem.help("write such a file, or leave this out"));
            }
            for one in found.iter().flat_map(listed) {
                let refusals = rules::refusals(&one.object, namespace);
                for refusal in &refusals {
                    self.refuse_object(files, &one, refusal);
                }
                let object = rules::cleaned(one.object.clone());
                if taken.iter().any(|other| rules::identity(other) == rules::identity(&object)) {
                    let (why, remedy) = ("it is in these files a second time".to_owned(), "keep one of them");
                    self.refuse_object(files, &one, &Refusal { why, remedy });
                } else if refusals.is_empty() {
                    taken.push(object);
                }
            }
        }
        let size: usize = taken.iter().map(|object| object.to_string().len()).sum();
        if let Some(first) = settings.first().filter(|_| size > LARGEST) {
            let message = format!(
                "the objects of `manifests` have {} KiB, and at most {} KiB are taken: they are part of each release",
                size.div_ceil(1024),
                LARGEST / 1024
            );
            let problem = Diagnostic::new(Code::Objects, &first.span, message).label("all of them together");
            self.problems
                .push(problem.help("leave out what does not change with the app, and apply that by itself"));
        }
        taken
    }

    fn refuse_object(&mut self, files: &Located<String>, one: &GivenObject, refusal: &Refusal) {
        let message = format!(
            "line {} of \"{}\": {}: {}",
            one.line,
            shortened(&one.file),
            rules::in_words(&one.object),
            refusal.why
        );
        let problem = Diagnostic::new(Code::Objects, &files.span, message).label("in these files");
        self.problems.push(problem.help(refusal.remedy));
    }
}

/// The objects of a `List`, or the object itself.
fn listed(given: &GivenObject) -> Vec<GivenObject> {
    let items = given.object["items"].as_array().filter(|_| given.object["kind"] == "List");
    match items {
        Some(items) => {
            items.iter().map(|item| GivenObject { object: item.clone(), ..given.clone() }).collect()
        }
        None => vec![given.clone()],
    }
}
