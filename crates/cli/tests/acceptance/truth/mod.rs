//! Nothing lies: outcomes, exit statuses and `status` agree with what a client sees, whatever goes wrong.

mod after_the_switch;
mod apps;
mod before_the_switch;
mod commands;
mod instances;
mod no_data;
pub mod requests;
mod rollbacks;
mod tasks;
mod two_at_once;
