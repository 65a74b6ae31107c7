//! Traffic of the simulated world that goes from one release to another instance by instance.

use bascule_engine::ports::{Bound, PortError, Rolled, RolledService};
use bascule_model::ids::{ReleaseId, ServiceName, Slot};
use bascule_model::problem::{Code, Problem};

use crate::fakes::trouble;
use crate::world::{SIZE, State};

/// So many more than [`SIZE`] may be there.
const SURGE: u32 = 1;

/// One turn: at most one instance comes or goes, and sometimes nothing has happened yet.
pub fn turn(
    state: &mut State,
    from: &ReleaseId,
    (slot, to): (Slot, &ReleaseId),
    bound: Bound,
) -> Result<Rolled, PortError> {
    let other = slot.other();
    let live = state.live.as_ref().map(|(_, release)| release.clone());
    if state.beside.is_none() {
        if live.as_ref() == Some(to) {
            return Ok(rolled(state, slot, true));
        }
        if live.as_ref() != Some(from) {
            let message = format!("live is {live:?}, not {from}");
            return Err(Problem::new(Code::EdgeRefused, message, "none").into());
        }
        state.beside = Some(slot);
    }
    if state.running.get(&slot).is_none_or(|(running, _)| running != to) {
        state.wrong.push(format!("{to} is to have users in {slot}, but {:?} runs", state.running));
        return Err(trouble());
    }
    if state.chance.one_in(4) {
        return Ok(rolled(state, slot, false));
    }
    // Whoever comes for the first time may be well at first, and fall when it has users.
    if bound == Bound::Forth && state.failing > 0 && state.chance.one_in(20) {
        state.running.insert(slot, (to.clone(), false));
    }
    let (come, left) = (count(state, slot), count(state, other));
    let (ready, ready_others) = (ready(state, slot), ready(state, other));
    if come < SIZE && come + left < SIZE + SURGE {
        state.instances.insert(slot, come + 1);
    } else if left > 0 && (ready + ready_others > SIZE || ready_others == 0) {
        state.instances.insert(other, left - 1);
    } else if left == 0 && ready == SIZE {
        state.live = Some((slot, to.clone()));
        state.beside = None;
        return Ok(rolled(state, slot, true));
    }
    Ok(rolled(state, slot, false))
}

fn rolled(state: &State, slot: Slot, is_over: bool) -> Rolled {
    let service = ServiceName::new("web").expect("a name");
    let (come, left) = (ready(state, slot), count(state, slot.other()));
    Rolled { is_over, services: vec![RolledService { service, come, of: SIZE, left }] }
}

fn count(state: &State, slot: Slot) -> u32 {
    state.instances.get(&slot).copied().unwrap_or_default()
}

fn ready(state: &State, slot: Slot) -> u32 {
    let is_well = state.running.get(&slot).is_some_and(|(_, well)| *well);
    if is_well { count(state, slot) } else { 0 }
}
