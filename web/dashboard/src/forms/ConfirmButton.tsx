import { useState, type ReactNode } from "react";

import { Button } from "../parts/Button";
import { Modal } from "../parts/Modal";
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
  onDone?: () => void;
  /** What follows from it. */
  children: ReactNode;
}

/**
 * A button for what can’t be undone, which is carried out once it is confirmed: whoever clicks twice would
 * else do it to the next thing in the list, too.
 */
export function ConfirmButton<Variables, Payload>(props: Props<Variables, Payload>) {
  const { verb, what, action, variables, onDone, children } = props;
  const [isAsked, setIsAsked] = useState(false);
  const close = (): void => {
    setIsAsked(false);
    action.clear();
  };
  const go = async (): Promise<void> => {
    if (!(await action.run(variables))) return;
    setIsAsked(false);
    onDone?.();
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
          <Button autoFocus onPress={close}>
            Keep it
          </Button>
          <Button look="danger" isBusy={action.isBusy} onPress={() => void go()}>
            {verb} for good
          </Button>
        </div>
      </Modal>
    </>
  );
}
