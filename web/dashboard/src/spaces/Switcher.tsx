import { useAction } from "../forms/action";
import { Problems } from "../forms/Problems";
import { Button } from "../parts/Button";
import { useSettled } from "../parts/settled";
import { useSession } from "../session/session";
import { StartSpace, StopSpace } from "./requests";
import { isManaged, type Space } from "./space";
import { wishesOf } from "./status";

/** Starts a space, or stops it. */
export function Switcher({ space, isSmall = false }: { space: Space; isSmall?: boolean }) {
  const { live } = useSession();
  const start = useAction(StartSpace, (data) => data.startSpace);
  const stop = useAction(StopSpace, (data) => data.stopSpace);
  const wishes = wishesOf(space);
  // Once it is started, its button is the one that stops it.
  const isSettled = useSettled(wishes.start);
  if (!isManaged(space) || !(wishes.start || wishes.stop)) return null;
  const [action, verb] = wishes.start ? [start, "Start"] : [stop, "Stop"];
  const ask = async (): Promise<void> => {
    if (isSettled) live.answered(await action.run({ input: { spaceId: space.id } }));
  };
  return (
    <div className="switcher">
      <Button
        look={wishes.start && !isSmall ? "primary" : undefined}
        isSmall={isSmall}
        isBusy={action.isBusy || !isSettled}
        aria-label={`${verb} ${space.name}`}
        onPress={() => void ask()}
      >
        {verb}
      </Button>
      <Problems of={action} />
    </div>
  );
}
