package web

import (
	"github.com/forecare/forecare/devices"
	"github.com/forecare/forecare/web/chart"
)

// ownerText is every word of the owner's page in one language. Hello has one
// %s, the name; Head the device, Minutes the duration, ZoneIs the zone, all in
// the owner's words. No word from outside has to agree with the words around
// it in gender or number, and none takes a prefix.
type ownerText struct {
	Hello, Device, Remedy, Reading        string
	Head, Note, Said                      map[string]string // by state; by what was just done
	Choose, Change, Others, None, Current string
	Cancel, Calendar, Booked              string
	RemoteWork, VisitWork, Takes, ZoneIs  string
	Picture, PictureNote, PictureLimit    string
	Feel, FeelAsk, FeelSend, Felt         string
	Messages, MessagesNote, Stop, Resume  string
	StopAll, Push, PushOn, PushOff        string
	Person                                string
	Unsubscribe, UnsubscribeAsk, Stopped  string
	Channels                              map[string]string
	Chart                                 chart.Words
	Troubles                              map[devices.Code]string
	TroubleHead                           string
}

func (t ownerText) trouble(code devices.Code) string {
	if s, ok := t.Troubles[code]; ok {
		return s
	}
	return t.Troubles[devices.Internal]
}

// ownerWords returns the words in lang, or in English.
func ownerWords(lang string) ownerText {
	if lang == "ar" {
		return arabicOwner()
	}
	return englishOwner()
}

func englishOwner() ownerText {
	return ownerText{
		Hello: "Hello %s,", Device: "device", Remedy: "a short check", Reading: "reading",
		Head: map[string]string{
			"offer":    "Your %s works. We would like to keep it that way.",
			"booked":   "All set for your %s.",
			"working":  "We are working on your %s right now.",
			"checking": "Done. We are making sure that your %s is well.",
			"well":     "Your %s is well again.",
			"over":     "Your %s is fine. There is nothing to do.",
			"again":    "Your %s needs another look. Sorry about that.",
			"blind":    "We can no longer see how your %s is.",
			"felt":     "We are on it: your %s comes first.",
		},
		Note: map[string]string{
			"working":  "You do not have to do anything. This page says when it is done.",
			"checking": "Its own readings will tell, usually within the hour. You do not have to do anything.",
			"well":     "Its own readings show it: it does again what others of the same model do. Thank you for your time.",
		},
		Said: map[string]string{
			"booked":   "Thank you, that time is yours.",
			"taken":    "Somebody was a moment faster. These times are still free:",
			"canceled": "Your time is given back. Choose another whenever you like.",
			"heard":    "Thank you for telling us.",
			"stopped":  "We will not write to you there any more.",
			"resumed":  "Good to be in touch again.",
		},
		Choose: "When would it suit you?", Change: "Would another time suit you better?", Others: "All free times", Current: "your time",
		None:   "No time is free in the next days. We write to you as soon as there is one. If it is urgent, tell us below.",
		Cancel: "Give this time back", Calendar: "Add to calendar", Booked: "Your time",
		RemoteWork: "We do this from afar: nobody has to come, and you need not be there.",
		VisitWork:  "A technician comes to you.",
		Takes:      "It takes %s.", ZoneIs: "All times are %s.",
		Picture: "What we saw", PictureNote: "The line is your device, the band most others of the same model.",
		PictureLimit: "From the dashed line on you would begin to notice.",
		Feel:         "It is already bothering me", FeelAsk: "What do you notice? (You may leave this empty.)", FeelSend: "Tell us",
		Felt:     "You told us that you notice it. We treat it as urgent.",
		Messages: "Messages from us", MessagesNote: "You decide where we may write to you about your devices.",
		Stop: "Stop", Resume: "Allow again", StopAll: "Stop all messages",
		Push: "Tell me in this browser", PushOn: "This browser will tell you.", PushOff: "This browser does not allow it.",
		Person:      "Questions? Just reply to our message: a person reads it.",
		Unsubscribe: "Stop all messages?", UnsubscribeAsk: "We will not write to you about your devices any more.",
		Stopped:  "Done. We will not write to you about your devices any more.",
		Channels: map[string]string{"email": "E-mail", "webpush": "Notifications in a browser", "webhook": "Your own system"},
		Chart: chart.Words{
			Noticeable: "you would notice from %s", Began: "began about %s", Peers: "others like yours", Own: "your device",
			Describe: "Graph: %s of your device, last %s", DescribePeers: "; most others of the same model between %s and %s", DescribeLimit: "; you would notice from %s",
			Months: chart.English().Months,
		},
		Troubles: map[devices.Code]string{
			devices.Unauthorized: "This link is not whole. Please open it again from our message, and take the newest one.",
			devices.Forbidden:    "This link has expired, or it is not for this page. Please open the newest message from us.",
			devices.NotFound:     "What this link was about is no longer here.",
			devices.Conflict:     "That is not possible any more. Please open your link again to see how things stand.",
			devices.Invalid:      "That did not work. Please go back and try again.",
			devices.Unavailable:  "We cannot answer just now. Please try again in a minute; nothing is lost.",
			devices.Internal:     "Something went wrong on our side. Please try again in a minute.",
		},
		TroubleHead: "That did not work",
	}
}

// arabicOwner addresses the reader in the plural as the messages do: it is
// polite, and fits everybody.
func arabicOwner() ownerText {
	return ownerText{
		Hello: "مرحبًا %s،", Device: "جهازكم", Remedy: "فحص قصير", Reading: "القراءة",
		Head: map[string]string{
			"offer":    "كل شيء على ما يرام مع %s، ونودّ أن يبقى كذلك.",
			"booked":   "كل شيء جاهز للعناية بجهازكم (%s).",
			"working":  "نعمل الآن على جهازكم (%s).",
			"checking": "انتهى العمل، ونتأكد الآن من سلامة جهازكم (%s).",
			"well":     "عاد كل شيء على ما يرام مع %s.",
			"over":     "كل شيء على ما يرام مع %s، ولا حاجة إلى أي إجراء.",
			"blind":    "لم نعد نرى حالة جهازكم (%s).",
			"felt":     "نهتمّ بالأمر الآن، فالأولوية لجهازكم (%s).",
			"again":    "نحتاج إلى نظرة أخرى على جهازكم (%s). نعتذر عن ذلك.",
		},
		Note: map[string]string{
			"working":  "لا يلزمكم القيام بأي شيء. ستخبركم هذه الصفحة عند الانتهاء.",
			"checking": "ستُظهر قراءات الجهاز ذلك، عادةً خلال ساعة. لا يلزمكم القيام بأي شيء.",
			"well":     "تُظهر قراءات الجهاز ذلك: عاد يعمل مثل الأجهزة الأخرى من الطراز نفسه. شكرًا لوقتكم.",
		},
		Said: map[string]string{
			"booked":   "شكرًا لكم، هذا الموعد محجوز لكم.",
			"taken":    "سبقكم شخص آخر بلحظة. هذه المواعيد ما زالت متاحة:",
			"canceled": "أُلغي موعدكم. اختاروا موعدًا آخر متى شئتم.",
			"heard":    "شكرًا لإخبارنا.",
			"stopped":  "لن نراسلكم هناك بعد الآن.",
			"resumed":  "يسعدنا التواصل معكم من جديد.",
		},
		Choose: "متى يناسبكم الموعد؟", Change: "هل يناسبكم موعد آخر أكثر؟", Others: "جميع المواعيد المتاحة", Current: "موعدكم",
		None:   "لا يوجد موعد متاح في الأيام القادمة. سنراسلكم فور توفّر موعد. إن كان الأمر عاجلًا فأخبرونا أدناه.",
		Cancel: "إلغاء هذا الموعد", Calendar: "إضافة إلى التقويم", Booked: "موعدكم",
		RemoteWork: "نقوم بذلك عن بُعد: لن يأتي أحد ولا يلزم وجودكم.",
		VisitWork:  "سيزوركم أحد الفنيين.",
		Takes:      "يستغرق ذلك %s.", ZoneIs: "جميع الأوقات %s.",
		Picture: "ما الذي لاحظناه", PictureNote: "الخط هو جهازكم، والشريط هو نطاق معظم الأجهزة الأخرى من الطراز نفسه.",
		PictureLimit: "ابتداءً من الخط المتقطع يبدأ المرء بملاحظة الفرق.",
		Feel:         "الأمر يزعجني بالفعل", FeelAsk: "ماذا تلاحظون؟ (يمكنكم ترك هذا الحقل فارغًا.)", FeelSend: "أخبرونا",
		Felt:     "أخبرتمونا أنكم تلاحظون ذلك، ونتعامل معه على أنه عاجل.",
		Messages: "رسائلنا إليكم", MessagesNote: "أنتم من يقرر أين نراسلكم بشأن أجهزتكم.",
		Stop: "إيقاف", Resume: "السماح من جديد", StopAll: "إيقاف جميع الرسائل",
		Push: "إشعارات في هذا المتصفح", PushOn: "ستصلكم الإشعارات في هذا المتصفح.", PushOff: "هذا المتصفح لا يسمح بذلك.",
		Person:      "لديكم سؤال؟ يكفي أن تردّوا على رسالتنا، فهناك من يقرؤها.",
		Unsubscribe: "إيقاف جميع الرسائل؟", UnsubscribeAsk: "لن نراسلكم بشأن أجهزتكم بعد الآن.",
		Stopped:  "تم ذلك. لن نراسلكم بشأن أجهزتكم بعد الآن.",
		Channels: map[string]string{"email": "البريد الإلكتروني", "webpush": "إشعارات المتصفح", "webhook": "نظامكم الخاص"},
		Chart: chart.Words{
			Noticeable: "يُلاحظ ابتداءً من %s", Began: "بدأ نحو %s", Peers: "الأجهزة المماثلة", Own: "جهازكم", RightToLeft: true,
			Describe: "رسم بياني: %s في جهازكم، وآخر قيمة %s", DescribePeers: "، ومعظم الأجهزة الأخرى من الطراز نفسه بين %s و %s", DescribeLimit: "، ويُلاحظ الفرق ابتداءً من %s",
			Months: [12]string{"يناير", "فبراير", "مارس", "أبريل", "مايو", "يونيو", "يوليو", "أغسطس", "سبتمبر", "أكتوبر", "نوفمبر", "ديسمبر"},
		},
		Troubles: map[devices.Code]string{
			devices.Unauthorized: "هذا الرابط غير مكتمل. يرجى فتحه من جديد من أحدث رسالة منا.",
			devices.Forbidden:    "انتهت صلاحية هذا الرابط، أو أنه ليس لهذه الصفحة. يرجى فتح أحدث رسالة منا.",
			devices.NotFound:     "ما كان هذا الرابط بشأنه لم يعد موجودًا.",
			devices.Conflict:     "لم يعد ذلك ممكنًا. يرجى فتح رابطكم من جديد لمعرفة الوضع الحالي.",
			devices.Invalid:      "لم ينجح ذلك. يرجى الرجوع والمحاولة مرة أخرى.",
			devices.Unavailable:  "لا يمكننا الرد الآن. يرجى المحاولة بعد دقيقة، ولن يضيع شيء.",
			devices.Internal:     "حدث خطأ من جانبنا. يرجى المحاولة بعد دقيقة.",
		},
		TroubleHead: "لم ينجح ذلك",
	}
}
