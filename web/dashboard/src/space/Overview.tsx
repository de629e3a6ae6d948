import type { Space } from "../spaces/space";
import { Apps } from "./Apps";
import { Doors } from "./Doors";
import { Facts } from "./Facts";
import { FromYourMachine } from "./FromYourMachine";
import { Shares } from "./Shares";
import { Tunnels } from "./Tunnels";
import { Volumes } from "./Volumes";

export function Overview({ space }: { space: Space }) {
  return (
    <div className="columns">
      <div>
        <Doors space={space} />
        <Apps space={space} />
        <Tunnels space={space} />
      </div>
      <div>
        <FromYourMachine space={space} />
        <Shares space={space} />
        <Volumes space={space} />
        <Facts space={space} />
      </div>
    </div>
  );
}
