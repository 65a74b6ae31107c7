//! The load client against the example application, and against servers that lose requests on purpose.

mod losses;
mod losses_http2;
mod losses_streams;
mod server;
mod with_the_shop;
