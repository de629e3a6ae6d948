/** What the page asks. */

import { Failure } from "./failure";
import { find } from "./element";
import { complaint } from "./name";

const question = find<HTMLDialogElement>("#question");
const naming = find<HTMLDialogElement>("#naming");

/** Whether somebody is being asked, or told: one thing at a time. */
export const isAsking = () => question.open || naming.open;

/** Says something, until somebody has read it. */
export async function say(words: string): Promise<void> {
  await answered(words, "OK", false);
}

/** Whether somebody is sure. */
export function isSure(words: string, deed: string): Promise<boolean> {
  return answered(words, deed, true);
}

async function answered(words: string, deed: string, isQuestion: boolean): Promise<boolean> {
  find("#asked").textContent = words;
  find("#question .no").hidden = !isQuestion;
  const sure = find("#question .sure");
  sure.textContent = deed;
  // What is asked about can't be undone.
  sure.classList.toggle("lossy", isQuestion);
  question.returnValue = "no";
  question.showModal();
  await closed(question);
  return question.returnValue === "yes";
}

/** Asks for a name and does something with it, until that works or nobody wants it any more. */
export async function named(title: string, deed: string, before: string, act: (name: string) => Promise<void>): Promise<void> {
  const input = find<HTMLInputElement>("#naming input");
  const wrong = find("#naming-wrong");
  const blame = (words: string | undefined) => {
    wrong.textContent = words ?? "";
    input.setAttribute("aria-invalid", String(words !== undefined));
    if (words !== undefined) input.focus();
  };
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const bad = complaint(input.value);
    if (bad !== undefined) return blame(bad);
    try {
      await act(input.value);
      naming.close();
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      blame(error.message);
    }
  };
  find("#naming-title").textContent = title;
  find("#naming .sure").textContent = deed;
  input.value = before;
  blame(undefined);
  const ended = new AbortController();
  const { signal } = ended;
  find("#naming form").addEventListener("submit", (event) => void submit(event), { signal });
  find("#naming .no").addEventListener("click", () => naming.close(), { signal });
  naming.showModal();
  // The part that people change: an ending stays.
  const dot = before.lastIndexOf(".");
  input.setSelectionRange(0, dot > 0 ? dot : before.length);
  await closed(naming);
  ended.abort();
}

function closed(dialog: HTMLDialogElement): Promise<Event> {
  return new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
}
