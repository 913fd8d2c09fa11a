/* éé😀 */ syntax(] // as with ee00 in place of the letters
