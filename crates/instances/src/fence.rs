//! The fence: the highest generation that was seen per environment, kept on disk.
//!
//! Whoever comes with a lower one has lost its lease and changes nothing any more. The file is read each time: an environment's
//! targets share it.

use std::sync::Mutex;

use bascule_engine::ports::PortError;
use bascule_model::ids::{EnvironmentKey, Generation};

use crate::durable::{self, Access};
use crate::error::StateError;
use crate::layout::Layout;

/// The highest generations.
#[derive(Debug, Default)]
pub struct Fence {
    one_at_a_time: Mutex<()>,
}

impl Fence {
    /// Passes this generation or a higher one than before; a higher one is on disk when this returns. Blocks.
    ///
    /// # Errors
    /// [`PortError::Fenced`], or why the file could not be read or written.
    pub fn pass(
        &self,
        layout: &Layout,
        key: &EnvironmentKey,
        generation: Generation,
    ) -> Result<(), PortError> {
        let _turn = self.one_at_a_time.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let highest = read(layout, key)?;
        if highest.is_some_and(|highest| generation < highest) {
            return Err(PortError::Fenced);
        }
        if highest != Some(generation) {
            let folder = layout.environment(key)?;
            durable::make_folder(&folder)?;
            durable::durable_in_place(&folder.join("generation"), &written(generation), Access::Shared)?;
        }
        Ok(())
    }
}

/// All of one length, so that each is written over the one before.
fn written(generation: Generation) -> Vec<u8> {
    format!("{:020}\n", generation.0).into_bytes()
}

fn read(layout: &Layout, key: &EnvironmentKey) -> Result<Option<Generation>, StateError> {
    let path = layout.environment(key)?.join("generation");
    let Some(bytes) = durable::read_if_there(&path)? else { return Ok(None) };
    let number = std::str::from_utf8(&bytes).ok().and_then(|text| text.trim().parse().ok());
    match number {
        Some(number) => Ok(Some(Generation(number))),
        None => Err(StateError::Damaged { path, detail: "it holds no number".to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lower_generation_is_refused_also_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path());
        let key: EnvironmentKey = "shop/staging".parse().unwrap();
        let other: EnvironmentKey = "shop/production".parse().unwrap();
        let fence = Fence::default();
        fence.pass(&layout, &key, Generation(5)).unwrap();
        fence.pass(&layout, &key, Generation(5)).unwrap();
        assert_eq!(fence.pass(&layout, &key, Generation(4)), Err(PortError::Fenced));
        let again = Fence::default();
        assert_eq!(again.pass(&layout, &key, Generation(4)), Err(PortError::Fenced));
        again.pass(&layout, &key, Generation(6)).unwrap();
        again.pass(&layout, &other, Generation(1)).unwrap();
    }

    #[test]
    fn any_generation_is_read_as_it_was_written_also_by_an_earlier_version() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path());
        let key: EnvironmentKey = "shop/staging".parse().unwrap();
        for generation in [1, 9, 10, u64::MAX - 1, u64::MAX] {
            Fence::default().pass(&layout, &key, Generation(generation)).unwrap();
            assert_eq!(read(&layout, &key).unwrap(), Some(Generation(generation)));
        }
        std::fs::write(layout.environment(&key).unwrap().join("generation"), "12").unwrap();
        assert_eq!(Fence::default().pass(&layout, &key, Generation(11)), Err(PortError::Fenced));
        Fence::default().pass(&layout, &key, Generation(13)).unwrap();
        assert_eq!(read(&layout, &key).unwrap(), Some(Generation(13)));
    }
}
