/** What the page asks. */

import { closed, inTurn } from "../../shared/dialog";
import { find } from "./element";
import { Failure } from "./failure";
import { complaint } from "./name";

const question = find<HTMLDialogElement>("#question");
const naming = find<HTMLDialogElement>("#naming");
const looking = find<HTMLDialogElement>("#looking");

/** Whether somebody is being asked, or told: one thing at a time. */
export const isAsking = () => [question, naming, looking].some(({ open }) => open);

/** Says something, until somebody has read it. */
export async function say(words: string): Promise<void> {
  await answered(words, "OK", false);
}

/** Whether somebody is sure. */
export async function isSure(words: string, deed: string): Promise<boolean> {
  return (await whether(words, deed)) === "yes";
}

/** Whether somebody wants something that can't be undone, or something other that can be done instead. */
export async function whether(words: string, deed: string, other = ""): Promise<"yes" | "other" | "no"> {
  const answer = await answered(words, deed, true, other);
  return answer === "yes" || answer === "other" ? answer : "no";
}

function answered(words: string, deed: string, isQuestion: boolean, other = ""): Promise<string> {
  return inTurn(async () => {
    find("#asked").textContent = words;
    find("#question .no").hidden = !isQuestion;
    const alternative = find("#question .alternative");
    alternative.hidden = other === "";
    alternative.textContent = other;
    const sure = find("#question .sure");
    sure.textContent = deed;
    // What is asked about can't be undone.
    sure.classList.toggle("lossy", isQuestion);
    question.returnValue = "no";
    question.showModal();
    await closed(question);
    return question.returnValue;
  });
}

/** Says what is being done, for as long as it is; gives nothing if somebody doesn't wait for it. */
export function meanwhile<T>(words: string, work: (signal: AbortSignal) => Promise<T>): Promise<T | undefined> {
  return inTurn(async () => {
    const unwanted = new AbortController();
    find("#looking p").textContent = words;
    looking.showModal();
    const left = closed(looking).then(() => unwanted.abort());
    try {
      return await Promise.race([work(unwanted.signal), left.then(() => undefined)]);
    } finally {
      looking.close();
    }
  });
}

/** Asks for a name and does something with it, until that works or nobody wants it any more. */
export function named(title: string, deed: string, before: string, act: (name: string) => Promise<void>): Promise<void> {
  return inTurn(async () => {
    const input = find<HTMLInputElement>("#naming input");
    const wrong = find("#naming-wrong");
    const blame = (words: string | undefined) => {
      wrong.textContent = words ?? "";
      input.setAttribute("aria-invalid", String(words !== undefined));
      if (words !== undefined) input.focus();
    };
    // Whoever doesn’t wait for it may be asked something else.
    const ended = new AbortController();
    const { signal } = ended;
    const submit = async (event: Event): Promise<void> => {
      event.preventDefault();
      const bad = complaint(input.value);
      if (bad !== undefined) return blame(bad);
      try {
        await act(input.value);
        if (!signal.aborted) naming.close();
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        if (!signal.aborted) blame(error.message);
      }
    };
    find("#naming-title").textContent = title;
    find("#naming .sure").textContent = deed;
    input.value = before;
    blame(undefined);
    find("#naming form").addEventListener("submit", (event) => void submit(event), { signal });
    find("#naming .no").addEventListener("click", () => naming.close(), { signal });
    naming.showModal();
    // The part that people change: an ending stays.
    const dot = before.lastIndexOf(".");
    input.setSelectionRange(0, dot > 0 ? dot : before.length);
    await closed(naming);
    ended.abort();
  });
}
