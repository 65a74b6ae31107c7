//! Whether an image is there and is what its digest says; what a registry has is fetched.

use bascule_engine::ports::Presence;
use bascule_model::release::Configuration;

use super::DockerImages;
use super::error::ImageError;
use super::output::Output;
use super::reference::Named;

impl DockerImages {
    /// Looks, and pulls where it is not here and has a registry. Asks no registry for what is here.
    pub(super) async fn presence(
        &self,
        digest: &str,
        values: &Configuration,
    ) -> Result<Presence, ImageError> {
        let Some(image) = Named::parse(digest) else { return Ok(Presence::Missing) };
        let silent = |_: String| {};
        let mut output = Output::nowhere(&silent);
        match self.get(&image, values, &mut output).await {
            Ok(_) => Ok(Presence::Whole),
            Err(ImageError::NoSuchImage { .. }) => Ok(Presence::Missing),
            Err(ImageError::Changed { words, .. }) => Ok(Presence::Changed(words)),
            Err(error) => Err(error),
        }
    }
}
