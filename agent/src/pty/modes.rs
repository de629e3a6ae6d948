//! The modes of a terminal as SSH spells them: RFC 4254 §8, and RFC 8160 for `IUTF8`.

use rustix::termios::{
    ControlModes, InputModes, LocalModes, OutputModes, SpecialCodeIndex, Termios,
};

/// Opcodes of special characters. VDSUSP (11), VFLUSH (15) and VSTATUS (17) are none of Linux.
const CHARACTERS: [(u8, SpecialCodeIndex); 15] = [
    (1, SpecialCodeIndex::VINTR),
    (2, SpecialCodeIndex::VQUIT),
    (3, SpecialCodeIndex::VERASE),
    (4, SpecialCodeIndex::VKILL),
    (5, SpecialCodeIndex::VEOF),
    (6, SpecialCodeIndex::VEOL),
    (7, SpecialCodeIndex::VEOL2),
    (8, SpecialCodeIndex::VSTART),
    (9, SpecialCodeIndex::VSTOP),
    (10, SpecialCodeIndex::VSUSP),
    (12, SpecialCodeIndex::VREPRINT),
    (13, SpecialCodeIndex::VWERASE),
    (14, SpecialCodeIndex::VLNEXT),
    (16, SpecialCodeIndex::VSWTC),
    (18, SpecialCodeIndex::VDISCARD),
];
/// The value that stands for a special character that is none.
const NO_CHARACTER: u32 = 255;
/// What the kernel takes as none.
const DISABLED: u8 = 0;

const INPUT: [(u8, InputModes); 13] = [
    (30, InputModes::IGNPAR),
    (31, InputModes::PARMRK),
    (32, InputModes::INPCK),
    (33, InputModes::ISTRIP),
    (34, InputModes::INLCR),
    (35, InputModes::IGNCR),
    (36, InputModes::ICRNL),
    (37, InputModes::IUCLC),
    (38, InputModes::IXON),
    (39, InputModes::IXANY),
    (40, InputModes::IXOFF),
    (41, InputModes::IMAXBEL),
    (42, InputModes::IUTF8),
];
const LOCAL: [(u8, LocalModes); 13] = [
    (50, LocalModes::ISIG),
    (51, LocalModes::ICANON),
    (52, LocalModes::XCASE),
    (53, LocalModes::ECHO),
    (54, LocalModes::ECHOE),
    (55, LocalModes::ECHOK),
    (56, LocalModes::ECHONL),
    (57, LocalModes::NOFLSH),
    (58, LocalModes::TOSTOP),
    (59, LocalModes::IEXTEN),
    (60, LocalModes::ECHOCTL),
    (61, LocalModes::ECHOKE),
    (62, LocalModes::PENDIN),
];
const OUTPUT: [(u8, OutputModes); 6] = [
    (70, OutputModes::OPOST),
    (71, OutputModes::OLCUC),
    (72, OutputModes::ONLCR),
    (73, OutputModes::OCRNL),
    (74, OutputModes::ONOCR),
    (75, OutputModes::ONLRET),
];
const PARITY: [(u8, ControlModes); 2] = [(92, ControlModes::PARENB), (93, ControlModes::PARODD)];
/// Opcodes of the sizes of a character, which exclude each other.
const SEVEN_BITS: u8 = 90;
const EIGHT_BITS: u8 = 91;
const INPUT_SPEED: u8 = 128;
const OUTPUT_SPEED: u8 = 129;

/// Sets what `modes` say; what Linux doesn't know is passed over.
pub fn apply(attributes: &mut Termios, modes: &[(u8, u32)]) {
    for &(opcode, value) in modes {
        let on = value != 0;
        if let Some((_, index)) = CHARACTERS.iter().find(|(known, _)| *known == opcode) {
            attributes.special_codes[*index] = match value {
                NO_CHARACTER => DISABLED,
                value => u8::try_from(value).unwrap_or(DISABLED),
            };
        }
        if let Some((_, mode)) = INPUT.iter().find(|(known, _)| *known == opcode) {
            attributes.input_modes.set(*mode, on);
        }
        if let Some((_, mode)) = LOCAL.iter().find(|(known, _)| *known == opcode) {
            attributes.local_modes.set(*mode, on);
        }
        if let Some((_, mode)) = OUTPUT.iter().find(|(known, _)| *known == opcode) {
            attributes.output_modes.set(*mode, on);
        }
        if let Some((_, mode)) = PARITY.iter().find(|(known, _)| *known == opcode) {
            attributes.control_modes.set(*mode, on);
        }
        match opcode {
            SEVEN_BITS | EIGHT_BITS if on => {
                let size = if opcode == SEVEN_BITS {
                    ControlModes::CS7
                } else {
                    ControlModes::CS8
                };
                attributes.control_modes.remove(ControlModes::CSIZE);
                attributes.control_modes.insert(size);
            }
            // A speed that the kernel doesn't know means nothing for a terminal without a wire.
            INPUT_SPEED => drop(attributes.set_input_speed(value)),
            OUTPUT_SPEED => drop(attributes.set_output_speed(value)),
            _ => {}
        }
    }
}
