/** Dialogs, of which people answer one after the other. */

let last: Promise<unknown> = Promise.resolve();

/** Asks something when all that was asked before has been answered. */
export function inTurn<T>(ask: () => Promise<T>): Promise<T> {
  const asked = last.then(ask);
  last = asked.catch(() => {});
  return asked;
}

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
