//! What holds for every space, request and observation.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::time::Timestamp;

const NOW: Timestamp = Timestamp::from_millis(1_000_000);
const DEADLINES: Deadlines = Deadlines {
    start: Duration::from_mins(1),
    stop: Duration::from_secs(20),
};

fn any_request() -> impl Strategy<Value = Request> {
    prop_oneof![
        Just(Request::Start),
        Just(Request::Stop),
        Just(Request::Restart),
        Just(Request::Delete)
    ]
}

fn any_phase() -> impl Strategy<Value = Phase> {
    let health = prop_oneof![
        Just(Health::Unchecked),
        Just(Health::Pending),
        Just(Health::Healthy),
        Just(Health::Unhealthy)
    ];
    prop_oneof![
        Just(Phase::Created),
        health.prop_map(|health| Phase::Running {
            address: None,
            health
        }),
        (any::<u8>(), any::<bool>(), any::<bool>(), 0..20_000_u64).prop_map(
            |(code, oom_killed, remembered, ran_ms)| {
                Phase::Exited(Exit {
                    code: code.into(),
                    oom_killed,
                    at: NOW,
                    ran_ms,
                    remembered,
                })
            }
        ),
        Just(Phase::Removing),
    ]
}

/// A state reached by a random life: requests mixed with the outcomes of an honest engine.
fn any_state() -> impl Strategy<Value = SpaceState> {
    let event = prop_oneof![
        any_request().prop_map(Ok),
        prop_oneof![
            Just(Outcome::VolumesReady),
            Just(Outcome::Started),
            Just(Outcome::Interrupted),
            Just(Outcome::Stopped),
            Just(Outcome::Deleted),
            Just(Outcome::Died(Failure::new(FailureCode::Exited, "", NOW))),
            Just(Outcome::StartFailed(Failure::new(
                FailureCode::ImageMissing,
                "",
                NOW
            ))),
        ]
        .prop_map(Err),
    ];
    proptest::collection::vec(event, 0..12).prop_map(|events| {
        events
            .into_iter()
            .fold(SpaceState::created(), |state, event| match event {
                Ok(asked) => match request(&state, asked, NOW, &DEADLINES) {
                    Decision::Accepted(next) => next,
                    _ => state,
                },
                Err(outcome) => record(&state, &outcome, NOW, &DEADLINES).unwrap_or(state),
            })
    })
}

fn any_observed() -> impl Strategy<Value = Observed> {
    let instance = (0_u32..4, any_phase()).prop_map(|(number, phase)| Instance {
        number,
        agent_version: None,
        phase,
    });
    (
        proptest::collection::vec(instance, 0..3),
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(instances, has_volumes, removal_remembered)| Observed {
            instances,
            has_volumes,
            removal_remembered,
        })
}

/// An engine that does what it is told, at once.
#[derive(Default)]
struct ObedientEngine(Observed);

impl ObedientEngine {
    fn act(&mut self, action: &Action) -> Option<Outcome> {
        let set = |instances: &mut Vec<Instance>, number, phase| {
            instances.retain(|it: &Instance| it.number != number);
            instances.push(Instance {
                number,
                agent_version: None,
                phase,
            });
        };
        let running = Phase::Running {
            address: None,
            health: Health::Unchecked,
        };
        let exit = Exit {
            code: 0,
            oom_killed: false,
            at: NOW,
            ran_ms: 9,
            remembered: true,
        };
        match *action {
            Action::CreateVolumes => {
                self.0.has_volumes = true;
                return Some(Outcome::VolumesReady);
            }
            Action::CreateContainer(n) => set(&mut self.0.instances, n, Phase::Created),
            Action::StartContainer(n) => set(&mut self.0.instances, n, running),
            Action::StopContainer(n) => set(&mut self.0.instances, n, Phase::Exited(exit)),
            Action::RemoveContainer(n) => self.0.instances.retain(|it| it.number != n),
            Action::RemoveVolumes => self.0.has_volumes = false,
        }
        None
    }
}

proptest! {
    #[test]
    fn asking_twice_is_asking_once(state in any_state(), asked in any_request()) {
        if let Decision::Accepted(next) = request(&state, asked, NOW, &DEADLINES) {
            let again = request(&next, asked, NOW, &DEADLINES);
            // A restart is an event rather than a condition: it may be asked for once more.
            if asked != Request::Restart {
                prop_assert_eq!(again, Decision::AlreadySo);
            }
        }
    }

    #[test]
    fn nothing_leaves_deletion(state in any_state(), asked in any_request()) {
        if state.status == Status::Deleting || state.status == Status::Deleted {
            prop_assert!(!matches!(request(&state, asked, NOW, &DEADLINES), Decision::Accepted(_)));
        }
    }

    #[test]
    fn every_transient_status_has_a_deadline_and_no_other(state in any_state()) {
        prop_assert_eq!(state.deadline.is_some(), state.status.is_transient());
    }

    #[test]
    fn a_failure_stays_only_with_a_stopped_space(state in any_state()) {
        prop_assert!(state.failure.is_none() || state.status == Status::Stopped);
    }

    #[test]
    fn instance_numbers_only_grow(state in any_state(), asked in any_request()) {
        if let Decision::Accepted(next) = request(&state, asked, NOW, &DEADLINES) {
            prop_assert!(next.instance >= state.instance);
        }
    }

    #[test]
    fn volumes_are_removed_only_while_deleting(state in any_state(), observed in any_observed()) {
        if step(&state, &observed, NOW) == Step::Act(Action::RemoveVolumes) {
            prop_assert_eq!(state.status, Status::Deleting);
            prop_assert_eq!(state.desired, Desired::Deleted);
        }
    }

    #[test]
    fn containers_are_made_only_while_starting(state in any_state(), observed in any_observed()) {
        if let Step::Act(Action::CreateContainer(number)) = step(&state, &observed, NOW) {
            prop_assert_eq!(state.status, Status::Starting);
            prop_assert_eq!(number, state.instance);
            prop_assert!(observed.instances.is_empty());
        }
    }

    #[test]
    fn an_outcome_that_is_recorded_changes_the_state(
        state in any_state(), observed in any_observed()
    ) {
        if let Step::Record(outcome) = step(&state, &observed, NOW) {
            let next = record(&state, &outcome, NOW, &DEADLINES);
            prop_assert!(next.is_some_and(|next| next != state));
        }
    }

    #[test]
    fn past_its_deadline_a_start_never_just_waits_for_itself(
        state in any_state(), observed in any_observed()
    ) {
        let late = NOW.after(DEADLINES.start + Duration::from_secs(1));
        if state.status == Status::Starting {
            prop_assert_ne!(step(&state, &observed, late), Step::Wait);
        }
    }

    #[test]
    fn an_obedient_engine_brings_every_space_to_rest(
        state in any_state(), asked in any_request()
    ) {
        let mut space = match request(&state, asked, NOW, &DEADLINES) {
            Decision::Accepted(next) => next,
            _ => state,
        };
        let mut engine = ObedientEngine::default();
        let mut rested = false;
        for _ in 0..32 {
            match step(&space, &engine.0, NOW) {
                Step::Wait => { rested = true; break; }
                Step::Act(action) => {
                    if let Some(outcome) = engine.act(&action) {
                        space = record(&space, &outcome, NOW, &DEADLINES).unwrap_or(space);
                    }
                }
                Step::Record(outcome) => {
                    space = record(&space, &outcome, NOW, &DEADLINES).expect("changes the state");
                }
            }
        }
        prop_assert!(rested, "still busy: {:?}", space);
        let expected: &[Status] = match space.desired {
            Desired::Running => &[Status::Running],
            Desired::Stopped => &[Status::Created, Status::Stopped],
            Desired::Deleted => &[Status::Deleted],
        };
        prop_assert!(expected.contains(&space.status), "{:?}", space);
    }
}

#[test]
fn a_life_from_creation_to_deletion() {
    let created = SpaceState::created();
    let Decision::Accepted(starting) = request(&created, Request::Start, NOW, &DEADLINES) else {
        panic!("a new space may start");
    };
    assert_eq!((starting.status, starting.instance), (Status::Starting, 1));
    let running = record(&starting, &Outcome::Started, NOW, &DEADLINES).expect("runs");
    assert_eq!(
        request(&running, Request::Start, NOW, &DEADLINES),
        Decision::AlreadySo
    );
    let Decision::Accepted(stopping) = request(&running, Request::Stop, NOW, &DEADLINES) else {
        panic!("a running space may stop");
    };
    let stopped = record(&stopping, &Outcome::Stopped, NOW, &DEADLINES).expect("stops");
    assert_eq!(stopped.status, Status::Stopped);
    let Decision::Accepted(deleting) = request(&stopped, Request::Delete, NOW, &DEADLINES) else {
        panic!("a stopped space may be deleted");
    };
    let deleted = record(&deleting, &Outcome::Deleted, NOW, &DEADLINES).expect("goes");
    assert_eq!(deleted.status, Status::Deleted);
    assert_eq!(
        request(&deleted, Request::Start, NOW, &DEADLINES),
        Decision::Denied(Denial::Deleting)
    );
}

#[test]
fn an_end_the_engine_forgot_brings_the_space_back() {
    let running = SpaceState {
        status: Status::Running,
        desired: Desired::Running,
        instance: 3,
        volumes_ready: true,
        ..SpaceState::created()
    };
    let ended = |remembered| Observed {
        instances: vec![Instance {
            number: 3,
            agent_version: None,
            phase: Phase::Exited(Exit {
                code: 137,
                oom_killed: false,
                at: NOW,
                ran_ms: 60_000,
                remembered,
            }),
        }],
        ..Observed::default()
    };
    assert_eq!(
        step(&running, &ended(false), NOW),
        Step::Record(Outcome::Interrupted)
    );
    assert!(matches!(
        step(&running, &ended(true), NOW),
        Step::Record(Outcome::Died(_))
    ));
}
