//! Sessions with a token: opened, logged in, used again, and opened anew when they are lost.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use cryptoki::context::Pkcs11 as Library;
use cryptoki::error::{Error, RvError};
use cryptoki::session::{Session, SessionState, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use proxy_crypto::KeyName;
use zeroize::Zeroizing;

use super::failure::{Failure, said};
use super::module::Module;
use super::{Pkcs11Settings, Pkcs11Token};
use crate::files;
use crate::proved::Proved;
use crate::question::{Purpose, Question};

/// A token. Everything here blocks.
pub(super) struct Token {
    settings: Pkcs11Settings,
    module: Arc<Module>,
    pool: Mutex<Pool>,
    /// The PIN that the token did not take. It is not tried again: tokens lock themselves after a few.
    refused: Mutex<Option<Zeroizing<String>>>,
    /// Keys by label and id.
    pub(super) proved: Proved<(KeyName, Vec<u8>)>,
}

/// Sessions that wait for the next call.
#[derive(Default)]
struct Pool {
    /// Grows when all sessions are given up. Those of an earlier one are closed.
    round: u64,
    idle: Vec<Open>,
    outdated: Vec<Open>,
}

/// A session with a login. Not closed when dropped, since that blocks.
struct Open {
    session: Session,
    round: u64,
    restarts: u64,
}

impl Open {
    fn close(self, restarts: u64) {
        // After a restart of the module its number may be that of somebody else's session.
        if self.restarts == restarts {
            // It may be closed already.
            let _ = self.session.close();
        }
    }
}

impl Token {
    pub(super) fn new(settings: Pkcs11Settings) -> Self {
        let module = Module::at(&settings.module);
        Self {
            settings,
            module,
            pool: Mutex::default(),
            refused: Mutex::default(),
            proved: Proved::default(),
        }
    }

    /// Logs in anew at the next call. Does not block.
    pub(super) fn forget(&self) {
        let mut pool = self.pool();
        pool.round += 1;
        let idle = std::mem::take(&mut pool.idle);
        pool.outdated.extend(idle);
    }

    /// Does something with a session. When that is lost, it does so once more with a new one, and again after a restart of
    /// the module where that may be the cause.
    pub(super) fn with_session<T>(
        &self,
        question: Question<'_>,
        work: impl Fn(&Session) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let start = Instant::now();
        let lost = match self.once(question, &work) {
            Err(lost @ (Failure::Lost(_) | Failure::Down(_))) => lost.into_error(question.context),
            answer => return answer,
        };
        tracing::debug!(cause = lost.cause(), "lost a session with a token");
        question.tell(Purpose::Retried, Some(&lost), start.elapsed());
        // Those beside it are most likely lost too.
        self.forget();
        let start = Instant::now();
        match self.once(question, &work) {
            Err(down @ Failure::Down(_)) if self.module.restart() => {
                let down = down.into_error(question.context);
                let (cause, module) = (down.cause(), self.settings.module.display());
                tracing::debug!(cause, %module, "restarted a PKCS#11 module");
                question.tell(Purpose::Retried, Some(&down), start.elapsed());
                self.forget();
                self.once(question, &work)
            }
            answer => answer,
        }
    }

    fn once<T>(
        &self,
        question: Question<'_>,
        work: impl Fn(&Session) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let restarts = self.module.call();
        let open = match self.take(*restarts) {
            Some(open) => open,
            None => self.open(question, *restarts)?,
        };
        let answer = work(&open.session);
        // Others may leave an operation unfinished.
        if matches!(answer, Ok(_) | Err(Failure::Refused(_) | Failure::Gone(_))) {
            self.give_back(open, *restarts);
        } else {
            open.close(*restarts);
        }
        answer
    }

    fn take(&self, restarts: u64) -> Option<Open> {
        let (outdated, mut idle) = {
            let mut pool = self.pool();
            (std::mem::take(&mut pool.outdated), pool.idle.pop())
        };
        for open in outdated {
            open.close(restarts);
        }
        while idle.as_ref().is_some_and(|open| open.restarts != restarts) {
            idle = self.pool().idle.pop();
        }
        idle
    }

    fn give_back(&self, open: Open, restarts: u64) {
        let mut pool = self.pool();
        if open.round == pool.round {
            pool.idle.push(open);
        } else {
            drop(pool);
            open.close(restarts);
        }
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self, question: Question<'_>, restarts: u64) -> Result<Open, Failure> {
        let round = self.pool().round;
        let library = self.module.library()?;
        let slot = self.slot(&library)?;
        let session = library.open_ro_session_no_drop(slot)?;
        let open = Open { session, round, restarts };
        match self.log_in(question, &library, slot, &open.session) {
            Ok(()) => Ok(open),
            Err(failure) => {
                open.close(restarts);
                Err(failure)
            }
        }
    }

    fn slot(&self, library: &Library) -> Result<Slot, Failure> {
        // Some modules look for tokens once only.
        let missing = |cause: String| Failure::Down(format!("{cause} of {}", self.settings.module.display()));
        match &self.settings.token {
            Pkcs11Token::Slot(number) => {
                let slots = library.get_slots_with_token()?;
                let slot = slots.into_iter().find(|slot| slot.id() == *number);
                slot.ok_or_else(|| missing(format!("there is no token in slot {number}")))
            }
            Pkcs11Token::Label(label) => {
                // A slot that cannot say what is in it is not the one that is wanted.
                let labelled = |slot: &Slot| {
                    library.get_token_info(*slot).is_ok_and(|token| token.label().trim_end() == label)
                };
                let mut slots = library.get_slots_with_token()?.into_iter().filter(labelled);
                match (slots.next(), slots.next()) {
                    (Some(slot), None) => Ok(slot),
                    (None, _) => Err(missing(format!("there is no token '{label}' in any slot"))),
                    _ => Err(missing(format!("there are several tokens '{label}' in slots"))),
                }
            }
        }
    }

    /// A login counts for all sessions that the process has with the token.
    fn log_in(
        &self,
        question: Question<'_>,
        library: &Library,
        slot: Slot,
        session: &Session,
    ) -> Result<(), Failure> {
        // One at a time, so that a wrong PIN is tried once.
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if is_logged_in(session)? {
            return Ok(());
        }
        let file = self.settings.pin.display();
        let pin =
            files::read_text(&self.settings.pin).map_err(|error| Failure::Unavailable(error.to_string()))?;
        if refused.as_ref() == Some(&pin) {
            let cause =
                format!("the token did not take the PIN, which is not tried again until {file} changes");
            return Err(Failure::Refused(cause));
        }
        let token = library.get_token_info(slot)?;
        if token.user_pin_locked() {
            return Err(Failure::Refused("the token has locked the user's PIN".to_owned()));
        }
        if token.user_pin_final_try() {
            let cause = "one more wrong PIN would lock the token: log in by other means first";
            return Err(Failure::Unavailable(cause.to_owned()));
        }
        let login = || match session.login(UserType::User, Some(&AuthPin::from(pin.as_str()))) {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {
                *refused = None;
                Ok(())
            }
            Err(error) => Err(match error {
                Error::Pkcs11(RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange, _) => {
                    *refused = Some(pin);
                    Failure::Refused(format!("the token does not take the PIN in {file} ({})", said(&error)))
                }
                Error::Pkcs11(
                    RvError::PinLocked | RvError::PinExpired | RvError::UserPinNotInitialized,
                    _,
                ) => Failure::Refused(format!("failed to log in ({})", said(&error))),
                other => Failure::of(&other),
            }),
        };
        Question::of(question.context).blocking(Purpose::Login, login)
    }
}

/// Without a login private keys are not seen, as if they were not there.
pub(super) fn is_logged_in(session: &Session) -> Result<bool, Failure> {
    let state = session.get_session_info()?.session_state();
    Ok(matches!(state, SessionState::RoUser | SessionState::RwUser))
}
