import { useAction } from "../forms/action";
import { Problems } from "../forms/Problems";
import { Button } from "../parts/Button";
import { useSession } from "../session/session";
import { RestartSpace } from "../spaces/requests";
import { isManaged, type Space } from "../spaces/space";
import { wishesOf } from "../spaces/status";
import { Switcher } from "../spaces/Switcher";
import { DeleteSpaceButton } from "./DeleteSpace";

export function Actions({ space }: { space: Space }) {
  const { live } = useSession();
  const restart = useAction(RestartSpace, (data) => data.restartSpace);
  if (!isManaged(space)) return null;
  const wishes = wishesOf(space);
  const again = async (): Promise<void> =>
    live.answered(await restart.run({ input: { spaceId: space.id } }));
  return (
    <div className="buttons">
      <Switcher space={space} />
      {wishes.restart && (
        <Button isBusy={restart.isBusy} onPress={() => void again()}>
          Restart
        </Button>
      )}
      {wishes.remove && <DeleteSpaceButton space={space} />}
      <Problems of={restart} />
    </div>
  );
}
