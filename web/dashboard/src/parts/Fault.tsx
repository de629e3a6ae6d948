import type { CombinedError } from "urql";

import { faultOf } from "../connection/client";
import { Button } from "./Button";

/** Why something can't be shown, and the way to it. */
export function Fault({ of, again }: { of: CombinedError; again: () => void }) {
  return (
    <div className="alert" role="alert">
      <p>{faultOf(of)}</p>
      <Button isSmall onPress={again}>
        Try again
      </Button>
    </div>
  );
}
