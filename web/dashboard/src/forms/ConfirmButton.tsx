import { useState, type ReactNode } from "react";

import { Button } from "../parts/Button";
import { Modal } from "../parts/Modal";
import { useSettled } from "../parts/settled";
import type { Action } from "./action";
import { Problems } from "./Problems";

interface Props<Variables, Payload> {
  /** What is done: "Delete". */
  verb: string;
  /** What it is done to, in full: "the tunnel lab-8000". */
  what: string;
  action: Action<Variables, Payload>;
  variables: Variables;
  /** Once it is carried out. */
  onDone?: (payload: Payload) => void;
  /** What says yes to it: "Delete for good", unless something else fits better. */
  yes?: string;
  /** What follows from it. */
  children: ReactNode;
}

/**
 * A button for what can’t be undone, which is carried out once it is confirmed: whoever clicks twice would
 * else do it to the next thing in the list, too.
 */
export function ConfirmButton<Variables, Payload>(props: Props<Variables, Payload>) {
  const { verb, what, action, variables, onDone, yes = `${verb} for good`, children } = props;
  const [isAsked, setIsAsked] = useState(false);
  // The dialog may open right below the pointer.
  const isSettled = useSettled(isAsked);
  const close = (): void => {
    // What is under way can’t be held back any more, and says here what it comes to.
    if (action.isBusy) return;
    setIsAsked(false);
    action.clear();
  };
  const go = async (): Promise<void> => {
    const payload = isSettled ? await action.run(variables) : undefined;
    if (!payload) return;
    setIsAsked(false);
    onDone?.(payload);
  };
  return (
    <>
      <Button isSmall look="danger" aria-label={`${verb} ${what}`} onPress={() => setIsAsked(true)}>
        {verb}…
      </Button>
      <Modal title={`${verb} ${what}?`} isOpen={isAsked} onClose={close} isAlert>
        <p>{children}</p>
        <Problems of={action} />
        <div className="buttons">
          <Button autoFocus isBusy={action.isBusy} onPress={close}>
            Keep it
          </Button>
          <Button look="danger" isBusy={action.isBusy || !isSettled} onPress={() => void go()}>
            {yes}
          </Button>
        </div>
      </Modal>
    </>
  );
}
