//! A journal in front of another one: whatever it does not change is handed on.

use futures_util::future::BoxFuture;

use crate::ids::{EntityId, EntityKind, Sequence, Timestamp};
use crate::journal::{
    Append, AppendError, Capabilities, Head, Journal, OverlayWrite, PageLimit, Range, ReadError,
    Row, SideWrites, Snapshot, Table, TableRow, TableWrite, Wakeups,
};

/// Writes the trait from a list of the port's methods, and the port for everything that has the trait. Each line says which
/// way a method takes, its name, whether it is about an entity, its arguments, and what it answers.
macro_rules! front {
    ($(for $port:ident { $(
        $way:ident $name:ident $([$entity:ident])? ($($arg:ident: $of:ty),*) -> $answer:ty, $error:ty;
    )* })*) => {
        /// The port, with every method handed on to the journal behind. An implementation writes only what it changes, and
        /// is a [`Journal`] and a [`Wakeups`] by that.
        pub trait Front: Send + Sync + 'static {
            /// The journal behind.
            type Behind: Journal + Wakeups;

            /// The journal behind.
            fn behind(&self) -> &Self::Behind;

            /// The name under which the journal behind knows an entity.
            fn entity(&self, entity: &EntityId) -> EntityId {
                entity.clone()
            }

            /// How a method that reads reaches the journal behind.
            fn reading<T: Send + 'static>(
                &self,
                _method: &'static str,
                call: impl FnOnce(&Self::Behind) -> BoxFuture<'static, Result<T, ReadError>>
                + Send
                + 'static,
            ) -> BoxFuture<'static, Result<T, ReadError>> {
                call(self.behind())
            }

            /// How a method that writes reaches the journal behind.
            fn writing<T: Send + 'static>(
                &self,
                _method: &'static str,
                call: impl FnOnce(&Self::Behind) -> BoxFuture<'static, Result<T, AppendError>>
                + Send
                + 'static,
            ) -> BoxFuture<'static, Result<T, AppendError>> {
                call(self.behind())
            }

            /// See [`Journal::capabilities`].
            fn capabilities(&self) -> Capabilities {
                self.behind().capabilities()
            }

            $($(
                #[doc = concat!("See [`", stringify!($port), "::", stringify!($name), "`].")]
                fn $name(
                    &self,
                    $($entity: &EntityId,)?
                    $($arg: $of),*
                ) -> BoxFuture<'static, Result<$answer, $error>> {
                    $(let $entity = self.entity($entity);)?
                    self.$way(stringify!($name), move |behind| {
                        behind.$name($(&$entity,)? $($arg),*)
                    })
                }
            )*)*
        }

        $(
            impl<F: Front> $port for F {
                front!(capabilities of $port);
                $(
                    fn $name(
                        &self,
                        $($entity: &EntityId,)?
                        $($arg: $of),*
                    ) -> BoxFuture<'static, Result<$answer, $error>> {
                        Front::$name(self, $($entity,)? $($arg),*)
                    }
                )*
            }
        )*
    };
    (capabilities of Journal) => {
        fn capabilities(&self) -> Capabilities {
            Front::capabilities(self)
        }
    };
    (capabilities of Wakeups) => {};
}

front! {
    for Journal {
        writing append (append: Append) -> (), AppendError;
        writing repair [entity] (side: SideWrites) -> (), AppendError;
        reading head [entity] () -> Head, ReadError;
        reading read [entity] (range: Range, limit: PageLimit) -> Vec<Row>, ReadError;
        reading overlays [entity] (first: Sequence, last: Sequence) -> Vec<OverlayWrite>, ReadError;
        reading snapshot [entity] () -> Option<Snapshot>, ReadError;
        writing put_snapshot [entity] (snapshot: Snapshot) -> (), AppendError;
        reading first_retained [entity] () -> Sequence, ReadError;
        writing trim [entity] (first: Sequence) -> Sequence, AppendError;
        writing put_rows (rows: Vec<TableWrite>) -> (), AppendError;
        reading get_rows (table: Table, keys: Vec<Vec<u8>>) -> Vec<Option<TableRow>>, ReadError;
        reading scan_rows (
            table: Table, prefix: Vec<u8>, after: Option<Vec<u8>>, limit: usize
        ) -> Vec<TableRow>, ReadError;
        reading entities (
            kind: EntityKind, after: Option<String>, limit: usize
        ) -> Vec<EntityId>, ReadError;
    }
    for Wakeups {
        writing arm [entity] (due: Timestamp) -> (), AppendError;
        writing clear [entity] (due: Timestamp) -> (), AppendError;
        reading due (
            now: Timestamp, after: Option<(EntityId, Timestamp)>, limit: usize
        ) -> Vec<(EntityId, Timestamp)>, ReadError;
    }
}
