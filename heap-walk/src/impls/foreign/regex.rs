//! `regex`: compiled programs and their caches, which nobody can look into.

use crate::impls::opaque::opaque;

opaque! {
    [] regex::Regex;
    [] regex::RegexSet;
    [] regex::RegexBuilder;
    [] regex::RegexSetBuilder;
    [] regex::CaptureLocations;
    [] regex::SetMatches;
    [] regex::Error;
    [] regex::bytes::Regex;
    [] regex::bytes::RegexSet;
    [] regex::bytes::RegexBuilder;
    [] regex::bytes::RegexSetBuilder;
    [] regex::bytes::CaptureLocations;
    [] regex::bytes::SetMatches;
}
