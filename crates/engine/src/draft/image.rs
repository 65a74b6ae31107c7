//! The image of a wish: what it is made from here, what is private about it apart.

use std::collections::BTreeMap;

use bascule_model::manifest::{self, Environment, Secrets, Value};
use bascule_model::release::{Credentials, ImageBuild, ImageFrom, ImageSource};

pub(super) fn source(written: &manifest::Image) -> ImageSource {
    let from = match &written.from {
        manifest::ImageFrom::Named(name) => ImageFrom::Named(name.to_string()),
        manifest::ImageFrom::Build(build) => ImageFrom::Build(ImageBuild {
            dockerfile: build.dockerfile.to_string(),
            context: build.context.to_string(),
            target: build.target.clone(),
            args: build.args.clone(),
            platform: build.platform.clone(),
            secrets: build.secrets.keys().cloned().collect(),
        }),
    };
    ImageSource { from, repository: written.repository.as_ref().map(ToString::to_string) }
}

pub(super) fn build_secrets(environment: &Environment) -> BTreeMap<String, String> {
    let Some(manifest::ImageFrom::Build(build)) = environment.build.image.as_ref().map(|image| &image.from)
    else {
        return BTreeMap::new();
    };
    build.secrets.iter().map(|(name, value)| (name.clone(), text(value, &environment.secrets))).collect()
}

pub(super) fn credentials(environment: &Environment) -> Option<Credentials> {
    let registry = environment.build.image.as_ref()?.registry.as_ref()?;
    Some(Credentials {
        username: text(&registry.username, &environment.secrets),
        password: text(&registry.password, &environment.secrets),
    })
}

/// No instance variable is open in what belongs to a build.
fn text(value: &Value, secrets: &Secrets) -> String {
    value.expose(secrets).map(|text| text.render(|_| None)).unwrap_or_default()
}
