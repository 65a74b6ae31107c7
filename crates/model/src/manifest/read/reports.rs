//! Reads `reports` of a job, and sees that no other job of its stage writes them too.

use std::collections::BTreeMap;

use super::keys;
use super::pipeline::paths;
use super::reader::{Node, Reader, Section, shortened};
use crate::manifest::diagnostics::{Code, Diagnostic};
use crate::manifest::types::{JobSettings, Located, ReportsSettings};

pub(super) fn reports<'t>(
    reader: &mut Reader,
    _: &'static str,
    node: &'t Node<'t>,
) -> Option<ReportsSettings> {
    let section = reader.section(node, "`reports` of a job", &keys::REPORTS)?;
    let read = |reader: &mut Reader, section: &Section<'t>, key| section.read(reader, key, paths);
    Some(ReportsSettings {
        coverage: read(reader, &section, "coverage"),
        tests: read(reader, &section, "tests"),
        security: read(reader, &section, "security"),
        load: read(reader, &section, "load"),
        custom: read(reader, &section, "custom"),
    })
}

/// The jobs of a stage share one checkout: of one path, each would take what the other has written for its own.
pub(super) fn check_reports(reader: &mut Reader, jobs: &BTreeMap<String, JobSettings>) {
    let mut written: Vec<(&str, &Located<String>)> = jobs
        .iter()
        .flat_map(|(name, job)| {
            job.reports.iter().flat_map(of_all_kinds).map(move |path| (name.as_str(), path))
        })
        .collect();
    written.sort_by_key(|(_, path)| path.span.start);
    let mut first: BTreeMap<&str, (&str, &Located<String>)> = BTreeMap::new();
    for (job, path) in written {
        let (other, there) = *first.entry(&path.value).or_insert((job, path));
        // One job may say of one file that it is two kinds of report.
        if other == job {
            continue;
        }
        let message =
            format!("the jobs `{other}` and `{job}` write the same report \"{}\"", shortened(&path.value));
        let problem = Diagnostic::new(Code::Conflict, &path.span, message).label("give it another name");
        let problem = problem.related(&there.span, format!("`{other}` writes it"));
        reader.report(problem.help("the jobs of a stage share a folder: each would take the other's report"));
    }
}

fn of_all_kinds(reports: &ReportsSettings) -> impl Iterator<Item = &Located<String>> {
    let ReportsSettings { coverage, tests, security, load, custom } = reports;
    [coverage, tests, security, load, custom].into_iter().flatten().flatten()
}

#[cfg(test)]
mod tests {
    use crate::manifest::parse;

    #[test]
    fn only_jobs_of_one_stage_take_each_others_reports() {
        let job = |stage: &str, keys: &str| {
            format!(
                "[[pipeline.stage]]\nname = {stage:?}\n[pipeline.stage.jobs.unit]\nrun = \"true\"\n{keys}\n"
            )
        };
        let taken = format!(
            "app = \"shop\"\n[services.web]\ncommand = \"./shop\"\n[environments.staging]\n{}{}",
            job("one", "reports = { tests = [\"a.xml\"], custom = [\"./a.xml\"] }"),
            job("two", "reports.tests = [\"a.xml\"]"),
        );
        parse(&taken, "bascule.toml").unwrap();
        let two =
            format!("{taken}[pipeline.stage.jobs.slow]\nrun = \"true\"\nreports.custom = [\"./a.xml\"]\n");
        let wrong = parse(&two, "bascule.toml").unwrap_err();
        assert_eq!(wrong.iter().count(), 1, "{wrong:?}");
    }
}
