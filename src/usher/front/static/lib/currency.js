// How many digits a currency's minor unit has, where they are not two (ISO 4217): as the server
// counts them. Browsers have notions of their own (a forint of 0 digits here, of 2 there), and a
// price that is divided by another power of ten is another price. A test holds this to the
// server's table.

const DIGITS = {
  0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
  3: "BHD IQD JOD KWD LYD OMR TND",
  4: "CLF UYW",
};

const known = new Map();
for (const [digits, codes] of Object.entries(DIGITS)) {
  for (const code of codes.split(" ")) known.set(code, Number(digits));
}

/** Digits behind the point of amounts in `currency`. */
export const digitsOf = (currency) => known.get(currency) ?? 2;
