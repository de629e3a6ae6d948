import { expect, test } from "vitest";

import { closed, inTurn } from "../../shared/dialog";

/** A dialog of which one is told later that it is closed, as browsers do it. */
class Dialog extends EventTarget {
  open = true;

  close(): () => void {
    this.open = false;
    return () => this.dispatchEvent(new Event("close"));
  }
}

/** Until everything has happened that waits for nothing else. */
const settled = () => new Promise((resolve) => setTimeout(resolve));

/** Whether somebody has been told that it is closed. */
function told(dialog: Dialog): () => Promise<boolean> {
  let isTold = false;
  void closed(dialog as unknown as HTMLDialogElement).then(() => (isTold = true));
  return async () => {
    await settled();
    return isTold;
  };
}

test("the end of what was asked earlier is none of what is asked now", async () => {
  const dialog = new Dialog();
  const tellFirst = dialog.close();
  dialog.open = true;
  const isTold = told(dialog);
  tellFirst();
  expect(await isTold()).toBe(false);
  dialog.close()();
  expect(await isTold()).toBe(true);
});

test("one thing is asked at a time, in their order, whatever becomes of it", async () => {
  const answers: (() => void)[] = [];
  const asked: string[] = [];
  const ask = (what: string) =>
    inTurn(async () => {
      asked.push(what);
      await new Promise<void>((resolve) => answers.push(resolve));
      if (what === "first") throw new Error(what);
      return what;
    });
  const [first, second, third] = [ask("first"), ask("second"), ask("third")];
  await settled();
  expect(asked).toEqual(["first"]);
  answers[0]?.();
  await expect(first).rejects.toThrow("first");
  await settled();
  expect(asked).toEqual(["first", "second"]);
  answers[1]?.();
  expect(await second).toBe("second");
  await settled();
  answers[2]?.();
  expect(await third).toBe("third");
});
