/** Dialogs, of which people answer one after the other. */

/** Does something when all that was begun so before has ended. */
export function turns(): <T>(act: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (act) => {
    const done = last.then(act);
    last = done.catch(() => {});
    return done;
  };
}

/** Asks something when all that was asked before has been answered. */
export const inTurn = turns();

/** Waits until an open dialog is closed. */
export function closed(dialog: HTMLDialogElement): Promise<void> {
  return new Promise((resolve) => {
    const listen = () => {
      // Browsers tell of it late: by then it may have been opened again, for something else.
      if (dialog.open) return;
      dialog.removeEventListener("close", listen);
      resolve();
    };
    dialog.addEventListener("close", listen);
  });
}
