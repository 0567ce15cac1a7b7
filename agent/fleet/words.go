package fleet

// keyWords are 256 words that people tell apart when they read them to each
// other. Their order is part of the contract.
const keyWords = "acid acorn actor agate album alder alley amber anchor angle ankle apple apron arch arrow atlas " +
	"autumn badge baker balcony bamboo banana banjo barley barrel basil basket beach beacon beetle berry bishop " +
	"blanket blossom bottle boulder branch bread breeze brick bridge bronze brush bucket button cabin cable cactus " +
	"camel candle canoe canvas canyon carbon carpet castle cedar cello chalk cherry chess cider circus citrus " +
	"clock clover cobalt coconut coffee comet compass copper coral corner cotton cousin crater crayon cricket crystal " +
	"curtain cypress daisy dancer delta denim desert diamond dinner doctor dolphin donkey dragon drawer drum eagle " +
	"easel echo elbow elder ember engine fabric falcon farmer feather fennel ferry fiddle field finger flame " +
	"flint flower flute forest fossil fountain fox galaxy garden garlic garnet geyser giant ginger glacier glove " +
	"goblet gold grape gravel guitar hammer harbor harvest hazel helmet heron hockey honey hotel husky ibis " +
	"igloo indigo iris island ivory jacket jade jasmine jelly jigsaw jungle juniper kayak kernel kettle kitten " +
	"ladder lagoon lake lantern laurel lemon lentil lever lilac linen lion lizard lobster lotus lumber lunar " +
	"magnet mango maple marble meadow melon mirror mitten monkey moon moss mountain muffin mustard napkin nectar " +
	"needle nickel noodle nugget nutmeg oasis ocean olive onion opal orbit orchid otter oyster paddle panda " +
	"paper parrot pasta peach pebble pencil pepper piano pickle pillow pilot pirate planet plum pocket poem " +
	"pony potato prism pumpkin puppet puzzle quartz quilt rabbit radar raven ribbon river robin rocket rose " +
	"rubber saddle salmon sandal silver spoon squirrel tiger tulip turtle velvet violin walnut whale willow window"
