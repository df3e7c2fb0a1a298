/**
 * What a reader at the window types, told apart before Odoo looks for a product of that name.
 */

const WEIGHTS = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];

/** The text of a ticket's QR: T1 and base 32. */
export function isTicketToken(text) {
    return /^T1[A-Z2-7]{100,}$/i.test(text);
}

/** The 22 digits of a ticket's bars: ISO 7064 MOD 97-10, as the core checks them. */
export function isTicketNumber(text) {
    return /^\d{22}$/.test(text) && BigInt(text) % 97n === 1n;
}

/** 18 characters of a resident identity card, check character included. */
export function isCitizenNumber(text) {
    if (!/^[1-9]\d{16}[\dXx]$/.test(text)) {
        return false;
    }
    const sum = WEIGHTS.reduce((total, weight, index) => total + weight * Number(text[index]), 0);
    return "10X98765432"[sum % 11] === text[17].toUpperCase();
}

/**
 * @param {string} text as a reader typed it
 * @returns {"ticket" | "document" | null} null: not one of ours, so Odoo's own rules hold
 */
export function scannedKind(text) {
    const plain = text.replace(/[\s-]/g, "");
    if (isTicketToken(plain) || isTicketNumber(plain)) {
        return "ticket";
    }
    return isCitizenNumber(plain) ? "document" : null;
}
