import { counted } from "../parts/format";
import { isBarred, type Taking } from "./preview";

interface Props {
  takings: readonly Taking[];
  startsAtOnce: boolean;
}

export function Preview({ takings, startsAtOnce }: Props) {
  return (
    <table className="preview">
      <caption className="hidden">What this space takes of your quota</caption>
      <thead>
        <tr>
          <th scope="col">Resource</th>
          <th scope="col">Takes</th>
          <th scope="col">Then in use</th>
        </tr>
      </thead>
      <tbody>
        {takings.map((taking) => (
          <Row key={taking.resource} taking={taking} startsAtOnce={startsAtOnce} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ taking, startsAtOnce }: { taking: Taking; startsAtOnce: boolean }) {
  const { resource, unit, more, used, limit, when } = taking;
  const isNow = isBarred(taking, startsAtOnce);
  const say = (amount: number): string => (unit === "unit" ? counted(amount, unit) : `${amount} ${unit}`.trim());
  return (
    <tr data-refused={isNow || undefined}>
      <th scope="row">{resource}</th>
      <td>
        <span className="number">{say(more)}</span> <span className="quiet">{when}</span>
      </td>
      <td className="number">
        {limit === null ? `${say(used + more)}, no limit` : `${used + more} of ${say(limit)}`}
        {isNow && ": more than you may use"}
      </td>
    </tr>
  );
}
