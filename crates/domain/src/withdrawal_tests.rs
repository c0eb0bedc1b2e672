//! The table against the sheet's vectors: all its transitions, its scenarios, and its folds.

use super::*;
use serde_json::Value;
use std::collections::HashSet;

fn vectors() -> Value {
    serde_json::from_str(include_str!("fixtures/withdrawal_vectors.json")).expect("the vectors are JSON")
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().unwrap_or_else(|| panic!("{name} is a list"))
}

fn state(value: &Value) -> State {
    State::parse(value.as_str().expect("a word")).expect("a state of the table")
}

fn event(value: &Value) -> Event {
    Event::parse(value.as_str().expect("a word")).expect("an event of the table")
}

/// What the sheet's prose asks for.
fn effect(prose: &str) -> Effect {
    match prose {
        ""
        | "answer the same again"
        | "ignore: goods are gone"
        | "late event: ignore"
        | "no resend unless a person asks"
        | "no second send" => Effect::Nothing,
        "look up by reference" | "the blocked push was already on its way: look up by reference" => Effect::LookUp,
        "adopt id" | "adopt id, remember picked" | "look up by reference and adopt its id" => Effect::Adopt,
        "send cancel once"
        | "a push won the race: send cancel"
        | "it is there after all: send cancel"
        | "late push answer: send cancel"
        | "send cancel again if the provider takes it at this phase, else go to refused_picked" => Effect::Ask,
        "adopt id, send cancel" | "adopt id, send cancel (again)" => Effect::AdoptAndAsk,
        "read before any resend" | "remember the wish, read first" => Effect::ReadFirst,
        "confirm by one read" => Effect::Confirm,
        "poll until deadline" => Effect::Poll,
        "absent on N reads over the grace period: push again with the same reference" => Effect::PushAgain,
        "absent on N reads over the grace period: tombstone, keep one late check"
        | "block any later push with a tombstone" => Effect::Tombstone,
        "remember picked" => Effect::NotePicked,
        "give the marketplace its default answer, keep polling" => Effect::DefaultAnswer,
        "late success: may change the answer if none was given" => Effect::LateSuccess,
        "alert"
        | "cancelled by the warehouse: alert"
        | "late answer: ignore, alert"
        | "only when seen again after the confirm grace: the answer was a flag only, or was undone; alert" => {
            Effect::Alert
        }
        "incident: goods left after a withdrawal was reported" => Effect::Incident,
        other => panic!("the sheet asks for something new: {other}"),
    }
}

#[test]
fn every_transition_of_the_sheet_is_made() {
    let vectors = vectors();
    let transitions = list(&vectors["state_machine"], "transitions");
    assert_eq!(transitions.len(), 58);
    for row in transitions {
        let guards: &[bool] = match row["guard"].as_str() {
            Some("wanted") => &[true],
            Some("not_wanted") => &[false],
            Some("any") => &[true, false],
            other => panic!("{other:?} is no guard"),
        };
        for wanted in guards {
            let made = step(state(&row["state"]), event(&row["event"]), *wanted);
            assert_eq!(made, (state(&row["next"]), effect(row["effect"].as_str().expect("prose"))), "{row}");
        }
    }
}

#[test]
fn a_pair_that_the_sheet_does_not_name_keeps_the_state() {
    let vectors = vectors();
    let named: HashSet<(State, Event)> = list(&vectors["state_machine"], "transitions")
        .iter()
        .map(|row| (state(&row["state"]), event(&row["event"])))
        .collect();
    for &from in State::ALL {
        for &event in Event::ALL.iter().filter(|&&event| !named.contains(&(from, event))) {
            for wanted in [true, false] {
                assert_eq!(step(from, event, wanted), (from, Effect::Nothing), "{from} {event}");
            }
        }
    }
}

#[test]
fn every_scenario_of_the_sheet_takes_its_path() {
    let vectors = vectors();
    let scenarios = list(&vectors["state_machine"], "scenarios");
    assert_eq!(scenarios.len(), 17);
    for scenario in scenarios {
        let path: Vec<State> = list(scenario, "path").iter().map(state).collect();
        let mut wanted = false;
        let mut walked = vec![State::NotPushed];
        for event in list(scenario, "events").iter().map(event) {
            wanted |= event == Event::WithdrawRequested;
            let now = walked[walked.len() - 1];
            walked.push(step(now, event, wanted).0);
        }
        assert_eq!(walked, path, "{}", scenario["name"]);
    }
}

#[test]
fn every_fold_of_the_sheet_is_made_and_no_shipment_is_no_state() {
    let vectors = vectors();
    for case in list(&vectors["fold_shipments"], "cases") {
        let shipments: Vec<State> = list(case, "shipments").iter().map(state).collect();
        let folded = Folded { state: state(&case["state"]), partial: case["partial"] == true };
        assert_eq!(fold(&shipments), Some(folded), "{case}");
    }
    assert_eq!(fold(&[]), None);
}

#[test]
fn what_left_the_building_never_comes_back_by_a_word() {
    for &event in Event::ALL {
        for wanted in [true, false] {
            assert_eq!(step(State::RefusedShipped, event, wanted).0, State::RefusedShipped, "{event}");
        }
    }
}
