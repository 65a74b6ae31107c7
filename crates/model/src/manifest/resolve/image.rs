//! The image that containers are made from: built, or named.

use std::collections::BTreeMap;
use std::ops::Range;

use super::command::IN_BUILD;
use super::resolver::Resolver;
use super::variables::Outcome;
use crate::manifest::diagnostics::{Code, Diagnostic};
use crate::manifest::types::{
    BuildSettings, CommandSettings, Image, ImageBuild, ImageFrom, Located, Reading, Registry,
    RegistrySettings, RelativePath, Target, Value,
};

impl Resolver<'_> {
    pub(super) fn image(&mut self, settings: Option<&BuildSettings>) -> Option<Image> {
        let Some(settings) = settings else {
            let target = self.settings.target.as_ref().map_or(0..0, |target| target.span.clone());
            self.problems.push(no_image(&target));
            return None;
        };
        if settings.reading == Reading::Partial {
            return None;
        }
        let from = match (&settings.image, &settings.dockerfile) {
            (Some(image), Some(dockerfile)) => {
                let message = "[build] says both how an image is built and which one is taken";
                self.problems.push(
                    Diagnostic::new(Code::Conflict, &image.span, message)
                        .label("leave one of them out")
                        .related(&dockerfile.span, "built from here"),
                );
                return None;
            }
            (Some(image), None) => {
                self.check_no_build(settings);
                ImageFrom::Named(self.templated(image, "image", "the name of an image")?)
            }
            (None, Some(dockerfile)) => ImageFrom::Build(self.image_build(settings, &dockerfile.value)),
            (None, None) => {
                self.problems.push(no_image(&settings.span));
                return None;
            }
        };
        self.check_registry(settings);
        Some(Image {
            from,
            repository: settings.repository.as_ref().map(|repository| repository.value.clone()),
            registry: settings.registry.as_ref().and_then(|registry| self.registry(registry)),
        })
    }

    fn image_build(&mut self, settings: &BuildSettings, dockerfile: &RelativePath) -> ImageBuild {
        let args: BTreeMap<String, String> = settings
            .args
            .iter()
            .flatten()
            .filter_map(|(name, text)| Some((name.clone(), self.build_argument(name, text)?)))
            .collect();
        let secrets: BTreeMap<String, Value> = settings
            .secrets
            .iter()
            .flatten()
            .map(|(name, text)| {
                let usage = format!("build.secrets.{name}");
                self.check_open(text, &usage, &IN_BUILD);
                (name.clone(), self.value(text, &usage))
            })
            .collect();
        ImageBuild {
            dockerfile: dockerfile.clone(),
            context: settings
                .context
                .as_ref()
                .map_or_else(RelativePath::whole, |context| context.value.clone()),
            target: settings.target.as_ref().map(|target| target.value.clone()),
            args,
            platform: settings.platform.as_ref().map(|platform| platform.value.clone()),
            secrets,
        }
    }

    /// A build argument stands in the image's history, so it holds nothing private.
    fn build_argument(&mut self, name: &str, text: &Located<String>) -> Option<String> {
        let usage = format!("build.args.{name}");
        self.check_open(text, &usage, &IN_BUILD);
        match self.variables.fill(text, &usage, None, &mut self.problems) {
            Outcome::Public(text) => Some(text.render(|_| None)),
            Outcome::Private(_) => {
                let message =
                    format!("the build argument `{name}` holds a value from outside of the manifest");
                self.problems.push(
                    Diagnostic::new(Code::PrivateInCommand, &text.span, message)
                        .label("anyone who has the image can read it there")
                        .help("give it to the build with `secrets`, and use it in RUN --mount=type=secret"),
                );
                None
            }
            Outcome::Open => None,
        }
    }

    fn registry(&mut self, settings: &RegistrySettings) -> Option<Registry> {
        let (Some(username), Some(password)) = (&settings.username, &settings.password) else {
            let missing = if settings.username.is_none() { "username" } else { "password" };
            let problem = Diagnostic::new(Code::MissingKey, &settings.span, "`registry` is not complete");
            self.problems.push(
                problem
                    .label(format!("`{missing}` is missing"))
                    .help("write both, or leave `registry` out for what the Docker configuration says"),
            );
            return None;
        };
        for (text, usage) in [(username, "build.registry.username"), (password, "build.registry.password")] {
            self.check_open(text, usage, &IN_BUILD);
        }
        Some(Registry {
            username: self.value(username, "build.registry.username"),
            password: self.value(password, "build.registry.password"),
        })
    }

    /// Credentials are for one registry: the image's own, or that of the repository. Without either they would go nowhere.
    fn check_registry(&mut self, settings: &BuildSettings) {
        let Some(registry) = &settings.registry else { return };
        if settings.image.is_none() && settings.repository.is_none() {
            let message = "`registry` of [build] has no use: the image is built here, and stays here";
            let problem =
                Diagnostic::new(Code::Conflict, &registry.span, message).label("needs a `repository`");
            self.problems.push(problem.help(
                "write repository = \"registry.example.com/shop\", or leave this out; base images are fetched with what the \
                 Docker configuration says",
            ));
        }
    }

    /// What is said of one kind of artifact, where no environment makes that kind, would silently do nothing.
    pub(super) fn check_build_has_a_use(&mut self, settings: &BuildSettings) {
        let of = |key: &'static str, span: Option<Range<usize>>| span.map(|span| (key, span));
        let texts = |texts: &Option<BTreeMap<String, Located<String>>>| {
            texts.iter().flatten().next().map(|(_, text)| text.span.clone())
        };
        let command = settings.command.as_ref().map(|command| match command {
            CommandSettings::Shell(line) => line.span.clone(),
            CommandSettings::Program(words) => {
                words.first().map_or(settings.span.clone(), |word| word.span.clone())
            }
        });
        let for_files = [
            of("command", command),
            of("files", settings.files.as_ref().and_then(|files| Some(files.first()?.span.clone()))),
        ];
        let for_images = [
            of("dockerfile", settings.dockerfile.as_ref().map(|it| it.span.clone())),
            of("context", settings.context.as_ref().map(|it| it.span.clone())),
            of("target", settings.target.as_ref().map(|it| it.span.clone())),
            of("args", texts(&settings.args)),
            of("platform", settings.platform.as_ref().map(|it| it.span.clone())),
            of("secrets", texts(&settings.secrets)),
            of("image", settings.image.as_ref().map(|it| it.span.clone())),
            of("repository", settings.repository.as_ref().map(|it| it.span.clone())),
            of("registry", settings.registry.as_ref().map(|it| it.span.clone())),
        ];
        let has = |containers: bool| {
            let mut all = self.manifest.environments.values();
            all.any(|one| {
                one.target.as_ref().map_or(Target::Process, |it| it.value).runs_containers() == containers
            })
        };
        let (processes, containers) = (has(false), has(true));
        for (key, span) in for_images.into_iter().flatten().filter(|_| !containers) {
            let message = format!("`{key}` of [build] has no use: no environment runs containers");
            let problem = Diagnostic::new(Code::Conflict, &span, message).label("for containers only");
            self.problems
                .push(problem.help("write target = \"docker\" in an environment, or leave this out"));
        }
        for (key, span) in for_files.into_iter().flatten().filter(|_| !processes) {
            let message = format!("`{key}` of [build] has no use: every environment runs containers");
            let problem = Diagnostic::new(Code::Conflict, &span, message).label("not for containers");
            self.problems.push(problem.help("let the Dockerfile do it, and leave this out"));
        }
    }

    /// What only a build needs must not be set without one.
    fn check_no_build(&mut self, settings: &BuildSettings) {
        let of = |key: &'static str, span: Option<Range<usize>>| span.map(|span| (key, span));
        let first = |texts: &Option<BTreeMap<String, Located<String>>>| {
            texts.iter().flatten().next().map(|(_, text)| text.span.clone())
        };
        let places = [
            of("context", settings.context.as_ref().map(|it| it.span.clone())),
            of("target", settings.target.as_ref().map(|it| it.span.clone())),
            of("args", first(&settings.args)),
            of("platform", settings.platform.as_ref().map(|it| it.span.clone())),
            of("secrets", first(&settings.secrets)),
            of("repository", settings.repository.as_ref().map(|it| it.span.clone())),
        ];
        for (key, span) in places.into_iter().flatten() {
            let message = format!("`{key}` of [build] has no use: the image is not built");
            let problem = Diagnostic::new(Code::Conflict, &span, message).label("needs a `dockerfile`");
            self.problems.push(problem.help("leave it out, or write `dockerfile` in place of `image`"));
        }
    }
}

fn no_image(span: &Range<usize>) -> Diagnostic {
    Diagnostic::new(Code::MissingKey, span, "the target runs containers, and there is no image for them")
        .label("neither `dockerfile` nor `image` is there")
        .help("write [build] with dockerfile = \"Dockerfile\", or with image = \"registry.example.com/shop:1.2\"")
}
